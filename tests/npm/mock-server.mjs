// A second OpenID provider that nobody here wrote: npm's oauth2-mock-server, which asks nobody for anything.
//   node mock-server.mjs PORT
import { Events, OAuth2Server } from "oauth2-mock-server"

const server = new OAuth2Server()
await server.issuer.keys.generate("RS256")

server.service.on(Events.BeforeTokenSigning, (token) => {
  Object.assign(token.payload, { sub: "mock-alice", name: "Alice Mock" })
})
// The ID token says nothing of an e-mail: it is asked for here, under this provider's own names.
server.service.on(Events.BeforeUserinfo, (answer) => {
  answer.body = {
    sub: "mock-alice",
    mail: "alice@contoso.example",
    email_verified: true,
    department: ["sales", "legal"],
    realm_access: { roles: ["staff"] },
  }
})

await server.start(Number(process.argv[2]), "127.0.0.1")
console.log("provider is up", server.issuer.url)
