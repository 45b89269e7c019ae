//! Every request × every fault, and every pair.
