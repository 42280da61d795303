// Says of each SOQL query on stdin (a JSON array of strings) what Salesforce's own parser says:
// null where it accepts, else its first complaint.
"use strict";

const { SOQLParser } = require("@salesforce/soql-common/lib/soql-parser");
const { readFileSync } = require("node:fs");

// Its lexer complains of characters that it does not know on the console, and drops them.
let dropped;
console.error = (complaint) => { dropped ??= complaint; };

const parser = SOQLParser({ isApex: false, isMultiCurrencyEnabled: true, apiVersion: 67 });

function verdict(query) {
  dropped = null;
  const result = parser.parseQuery(query);
  if (dropped) return dropped;
  if (result.getSuccess()) return null;
  return result.getParserErrors()[0].getMessage();
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(verdict)));
