//! Every noun comes back from its row as it was, and rows of the first release still read.
