"""A laboratory on one machine: a stand-in Entra tenant and sample origins. Production code never imports it."""
