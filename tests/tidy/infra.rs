//! What the templates of infra/ say of the code, held against the code: routes, handlers, settings, permissions, tables,
//! queues, and the facts about AWS that no linter knows.

mod alarms;
mod functions;
mod gateway;
mod permissions;
mod routes;
mod settings;
mod state;
mod template;
