// mcp-assay as the client that the conformance scenarios watch. The address of the scenario's server
// comes last; MCP_ASSAY is the program. Whoever signs in is played by following the printed address.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const url = process.argv.at(-1);
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? "";
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
const folder = mkdtempSync(join(tmpdir(), "conformance-"));

function run(args) {
  const child = spawn(process.env.MCP_ASSAY, args, {
    stdio: ["ignore", "inherit", "pipe"],
    cwd: folder,
    env: { ...process.env, CLIENT_SECRET: context.client_secret ?? "" },
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    console.error(line);
    const page = line.match(/^\s+(https?:\/\/\S+)$/)?.[1];
    if (page) fetch(page).catch((error) => console.error(`${page}: ${error.message}`));
  });
  return new Promise((resolve) => child.on("exit", resolve));
}

function withGrant() {
  const identity = [
    "[[identity]]",
    'name = "machine"',
    'grant = "client_credentials"',
    `client_id = ${JSON.stringify(context.client_id)}`,
  ];
  if (context.private_key_pem) {
    writeFileSync(join(folder, "key.pem"), context.private_key_pem, { mode: 0o600 });
    identity.push('client_key = "file:key.pem"');
  } else {
    identity.push('client_secret = "env:CLIENT_SECRET"');
  }
  writeFileSync(join(folder, "assay.toml"), `${identity.join("\n")}\n`);
  return ["audit", url, "--config", "assay.toml", "--exit-zero", "--no-bypass"];
}

function withListedCall() {
  const tool = ["[[tool]]", 'name = "add_numbers"', "arguments = { a = 5, b = 3 }"];
  writeFileSync(join(folder, "assay.toml"), `${tool.join("\n")}\n`);
  return ["audit", url, "--config", "assay.toml", "--allow", "call", "--exit-zero", "--no-bypass"];
}

function withPerson() {
  const client = context.client_id
    ? ["--client-id", context.client_id, "--client-secret", "env:CLIENT_SECRET"]
    : ["--allow", "register"];
  return ["login", url, "--no-browser", "--login-timeout", "10", ...client];
}

function arguments_() {
  if (scenario.startsWith("auth/client-credentials")) return withGrant();
  if (scenario.startsWith("auth/")) return withPerson();
  if (scenario === "tools_call") return withListedCall();
  return ["audit", url, "--exit-zero"];
}

try {
  process.exitCode = await run([...arguments_(), "--allow-host", new URL(url).hostname]);
} finally {
  rmSync(folder, { recursive: true });
}
