//! Requests, replies and rules of every kind of data connection.
