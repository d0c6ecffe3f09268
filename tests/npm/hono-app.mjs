// An application as @hono/cloudflare-access has them: node hono-app.mjs PORT AUD
import { serve } from "@hono/node-server"
import { cloudflareAccess } from "@hono/cloudflare-access"
import { Hono } from "hono"

const app = new Hono()
app.use("*", cloudflareAccess("lab", process.argv[3]))
app.get("/", (c) => c.text(`hello ${c.get("accessPayload").email}`))

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.argv[2]) })
