"""Takes over what Cloudflare Access has: read in every shape of theirs, made into apps and groups of ours, written."""
