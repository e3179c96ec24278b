// Shows openapi.json: paths by family, with parameters, bodies and answers.
"use strict";

const el = (name, text, className) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
};

const nameOf = (ref) => ref.split("/").pop();

// A schema in one line, e.g. "string (uuid) | null" or "DeviceSummary[]".
function shape(schema) {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const parts = schema.oneOf || schema.anyOf;
  if (parts) return parts.map(shape).join(" | ");
  if (schema.allOf) return schema.allOf.map(shape).join(" & ");
  const types = [].concat(schema.type || "any").map((type) =>
    type === "array" ? `${shape(schema.items)}[]` : type);
  const format = schema.format && !schema.format.startsWith("int") ? ` (${schema.format})` : "";
  const limits = [
    ["minimum", "≥"], ["maximum", "≤"], ["minLength", "length ≥"], ["maxLength", "length ≤"],
  ].filter(([key]) => schema[key] !== undefined).map(([key, sign]) => `${sign} ${schema[key]}`);
  return types.join(" | ") + format + (limits.length ? `, ${limits.join(", ")}` : "");
}

// All properties of a schema, those of its parts too.
function properties(schema, all) {
  if (!schema) return [];
  if (schema.$ref) return properties(all[nameOf(schema.$ref)], all);
  const parts = (schema.allOf || []).flatMap((part) => properties(part, all));
  const own = Object.entries(schema.properties || {}).map(([name, value]) =>
    ({ name, schema: value, must: (schema.required || []).includes(name) }));
  return [...parts, ...own];
}

function table(rows) {
  const node = el("table");
  for (const { name, schema, must, text } of rows) {
    const row = node.insertRow();
    const head = el("th", undefined);
    head.scope = "row";
    head.append(el("code", name, must ? "must" : ""));
    row.append(head);
    row.insertCell().append(el("code", shape(schema)));
    row.insertCell().textContent = text || schema?.description || "";
  }
  return node;
}

function addShape(box, title, schema, all) {
  box.append(el("div", `${title}: ${shape(schema)}`));
  const inner = schema?.type === "array" ? schema.items : schema;
  const rows = properties(inner, all);
  if (rows.length) box.append(table(rows));
}

function curl(method, path, operation) {
  const lines = [`curl -H "Authorization: Bearer $OPSC_TOKEN"`];
  if (method !== "get") lines[0] += ` -X ${method.toUpperCase()}`;
  if (operation.requestBody) lines.push(`  -H "Content-Type: application/json" -d '{ … }'`);
  lines.push(`  ${location.origin}${path}`);
  return lines.join(" \\\n");
}

function operationNode(path, method, operation, all) {
  const node = el("details");
  node.id = operation.operationId;
  const head = el("summary");
  head.append(el("span", method.toUpperCase(), "method"), el("code", path),
    el("span", operation.summary, "what"));
  node.append(head);
  const box = el("div", undefined, "inside");
  if (operation.description) box.append(el("p", operation.description));
  if (!operation.security?.length) box.append(el("p", "Open: needs no sign-in."));
  const parameters = (operation.parameters || []).map((p) =>
    ({ name: p.name, schema: p.schema, must: p.required, text: p.description }));
  if (parameters.length) box.append(el("div", "Parameters:"), table(parameters));
  const body = operation.requestBody?.content?.["application/json"]?.schema;
  if (body) addShape(box, "Body", body, all);
  for (const [status, answer] of Object.entries(operation.responses)) {
    const [kind, content] = Object.entries(answer.content || {})[0] || [];
    if (status < 400 && kind) addShape(box, `${status} ${answer.description}`, content.schema, all);
    else box.append(el("div", `${status} ${answer.description}`));
  }
  box.append(el("pre", curl(method, path, operation)));
  node.append(box);
  node.dataset.text = JSON.stringify([path, operation]).toLowerCase();
  return node;
}

function show(document_) {
  const all = document_.components.schemas;
  const families = new Map();
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const family = operation.tags?.[0] || "other";
      if (!families.has(family)) families.set(family, []);
      families.get(family).push(operationNode(path, method, operation, all));
    }
  }
  const sections = [...families].map(([family, nodes]) => {
    const section = el("section");
    section.append(el("h2", family), ...nodes);
    return section;
  });
  document.getElementById("paths").replaceChildren(...sections);
  document.getElementById("about").textContent = document_.info.description;
  const open = document.getElementById(location.hash.slice(1));
  if (open) { open.open = true; open.scrollIntoView(); }
}

function find(word) {
  for (const section of document.querySelectorAll("section")) {
    let any = false;
    for (const node of section.querySelectorAll("details")) {
      node.hidden = !node.dataset.text.includes(word);
      any ||= !node.hidden;
    }
    section.hidden = !any;
  }
}

async function start() {
  const main = document.getElementById("paths");
  try {
    const answer = await fetch("/openapi.json");
    if (answer.status === 401) {
      const link = el("a", "Sign in");
      link.href = "/";
      const line = el("p");
      line.append(link, " first, then come back to this page.");
      main.replaceChildren(line);
    } else if (answer.ok) show(await answer.json());
    else throw new Error((await answer.json()).detail);
  } catch (error) {
    main.replaceChildren(el("p", `The document could not be loaded: ${error.message}. Reload to try again.`));
  }
}

document.getElementById("find").addEventListener("input", (event) =>
  find(event.target.value.trim().toLowerCase()));
start();
