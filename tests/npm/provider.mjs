// An OpenID provider that nobody here wrote: npm's oidc-provider, with its own sign-in and consent pages.
//   node provider.mjs PORT REDIRECT_URI
import { Provider } from "oidc-provider"

const [port, redirectUri] = process.argv.slice(2)
const verified = (id) => id !== "eve" // eve says whose e-mail she likes, and has proved none

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "glassgate",
      client_secret: "secret-of-the-test",
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [redirectUri.replace("callback", "logout")],
    },
  ],
  pkce: { required: () => true },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  cookies: { keys: ["only-a-test"] },
  jwks: undefined,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: id,
      email: `${id === "eve" ? "alice" : id}@contoso.example`,
      email_verified: verified(id),
    }),
  }),
})

provider.listen(Number(port), "127.0.0.1", () => console.log("provider is up"))
