"""The services of campaigns: each call is decoded, done by one use case, and encoded."""
