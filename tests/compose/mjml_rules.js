// Prints MJML's rules as npm's mjml package states them: which elements may stand in which, and the type of
// each attribute. node mjml_rules.js …/node_modules > newsletter/compose/mjml.json  (facts, not code)
const path = require("path");
const modules = path.resolve(process.argv[2]);
const load = (name) => require(path.join(modules, name));
const preset = load("mjml-preset-core").default || load("mjml-preset-core");
const colors = load("mjml-core/lib/types/helpers/colors.js");
const { version, license } = load("mjml/package.json");

const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
const elements = {};
for (const [name, children] of Object.entries(preset.dependencies)) {
  elements[name] = { children: children.filter((child) => typeof child === "string").sort(), attributes: {} };
}
for (const component of preset.components) {
  const name = component.componentName;
  elements[name] = { children: [], ...elements[name], attributes: sorted(component.allowedAttributes || {}) };
  if (component.endingTag) elements[name].text = true;
}
console.log(JSON.stringify({
  source: `npm mjml ${version}: allowedAttributes, dependencies and colours of its components; ${license} licence`,
  written_by: "tests/compose/mjml_rules.js",
  colors: [...(colors.default || colors)].sort(),
  elements: sorted(elements),
}, null, 1));
