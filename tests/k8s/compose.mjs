// compose.mjs: docker/compose.yaml by the schema of today's Compose Specification, which the compose
// plugin follows; docker-compose 1.29, which the stack suite runs, is stricter about some things and
// laxer about others. Environment: MODULES (node_modules), TREE.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const { MODULES, TREE } = process.env;
const require = createRequire(`${MODULES}/`);
const YAML = require('yaml');
const Ajv = require('ajv');
const addFormats = require('ajv-formats');

const schema = JSON.parse(fs.readFileSync(`${MODULES}/dclint/schemas/compose.schema.json`, 'utf8'));
delete schema.$schema; // by https, which ajv does not know it by
const ajv = new (Ajv.default || Ajv)({ strict: false, allErrors: true });
(addFormats.default || addFormats)(ajv);
const validate = ajv.compile(schema);

const compose = YAML.parse(fs.readFileSync(`${TREE}/docker/compose.yaml`, 'utf8'), { merge: true });
const faults = validate(compose) ? [] : validate.errors.map((fault) => `${fault.instancePath} ${fault.message}`);
if ('version' in compose) faults.push('version is obsolete: the plugin warns of it');
const names = Object.values(compose.networks).concat(Object.values(compose.volumes)).filter((one) => one && one.external);
if (names.length) faults.push('something is external: it would have to be made by hand');

compose.services.health.nonsense = 1;
if (validate(compose)) faults.push('the schema lets an unknown field pass: this proves nothing');

faults.forEach((fault) => console.log(`    ${fault}`));
process.exit(faults.length ? 1 : 0);
