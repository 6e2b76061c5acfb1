// Sends as any application server in Node would: node send.mjs SUBSCRIPTION-JSON PUBLIC-KEY PRIVATE-KEY TEXT
import { createRequire } from "node:module";

const require = createRequire(process.env.WEB_PUSH_HOME + "/");
const webPush = require("web-push");
const [subscription, publicKey, privateKey, text] = process.argv.slice(2);
webPush.setVapidDetails("mailto:ops@example.com", publicKey, privateKey);
const options = { TTL: 3600, urgency: "high", topic: "interop", timeout: 10000 };
const answer = await webPush.sendNotification(JSON.parse(subscription), text, options);
console.log(`web-push: ${answer.statusCode} ${answer.headers.location}`);
