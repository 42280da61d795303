// ts-force, unmodified, on the served local org. test_ts_force.py says what is covered.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const force = require("ts-force");
// Classes with fields are made with its decorator, which it exports from here only.
const { sField } = require("ts-force/build/rest/sObjectDecorators");

const org = JSON.parse(process.env.TWINFORCE_ORG);
const VERSION = 60;
force.setDefaultConfig({ accessToken: org.accessToken, instanceUrl: org.url, version: VERSION });

// What ts-force's generator writes, without TypeScript.
class Account extends force.RestObject {
  constructor(fields) {
    super("Account");
    this.id = undefined;
    this.name = undefined;
    this.phone = undefined;
    this.initObject(fields);
    return new Proxy(this, this.safeUpdateProxyHandler);
  }
  static retrieve(soql) {
    return force.RestObject.query(Account, soql);
  }
}
const text = { createable: true, updateable: true, required: false, externalId: false,
  childRelationship: false, reference: undefined, salesforceType: "string" };
sField({ ...text, apiName: "Id", salesforceType: "id", createable: false, updateable: false })(
  Account.prototype, "id");
sField({ ...text, apiName: "Name", required: true })(Account.prototype, "name");
sField({ ...text, apiName: "Phone", salesforceType: "phone" })(Account.prototype, "phone");

const code = (error) => error.response.data[0].errorCode;

test("a record is inserted, updated, queried, refreshed and deleted", async () => {
  const account = new Account({ name: "Acme & Sons" });
  await account.insert();
  assert.equal(account.id.length, 18);
  account.phone = "1";
  await account.update();
  const [found] = await Account.retrieve(`SELECT Id, Name, Phone FROM Account WHERE Id = '${account.id}'`);
  assert.deepEqual([found.name, found.phone], ["Acme & Sons", "1"]);
  found.phone = "2";
  await found.update();
  await account.refresh();
  assert.equal(account.phone, "2");
  await account.delete();
  await assert.rejects(account.refresh(), (error) => code(error) === "NOT_FOUND");
  await assert.rejects(new Account({ phone: "1" }).insert(),
    (error) => code(error) === "REQUIRED_FIELD_MISSING");
});

test("queries, their pages, search, limits and describe", async () => {
  const rest = new force.Rest();
  const first = await rest.query("SELECT Name FROM Lead ORDER BY Name");
  assert.deepEqual([first.totalSize, first.done, first.records.length], [450, false, 200]);
  const second = await rest.queryMore(first);
  const third = await rest.queryMore(second);
  assert.deepEqual([second.records.length, third.records.length, third.done], [200, 50, true]);
  const account = new Account({ name: "Findable Industries" });
  await account.insert();
  const { searchRecords } = await rest.search("FIND {findab*} IN NAME FIELDS RETURNING Account(Name)");
  assert.deepEqual(searchRecords.map((record) => record.Name), ["Findable Industries"]);
  await account.delete();
  assert.equal((await rest.query("SELECT Id FROM Account WHERE IsDeleted = true", true)).records.length > 0, true);
  const limits = await rest.limits();
  assert.ok(limits.DailyApiRequests.Remaining < limits.DailyApiRequests.Max);
  assert.equal(rest.apiLimit.limit, limits.DailyApiRequests.Max);
  assert.ok((await rest.getSObjectDescribe("Contact")).fields.some((field) => field.name === "Key__c"));
});

test("an action that the user registered", async () => {
  const [result] = await new force.Rest().invokeAction("Greet", [{ name: "Ann" }]);
  assert.deepEqual([result.isSuccess, result.outputValues], [true, { greeting: "Hello, Ann" }]);
});

test("a batch of all that it can add", async () => {
  const known = new Account({ name: "Known" });
  await known.insert();
  const doomed = new Account({ name: "Doomed" });
  await doomed.insert();
  known.phone = "7";
  const { nextRecordsUrl } = await new force.Rest().query("SELECT Id FROM Lead");
  const called = [];
  const { hasErrors, results } = await new force.CompositeBatch()
    .addGet(known, (result) => called.push(result.statusCode))
    .addUpdate(known, { callback: (result) => called.push(result.statusCode) })
    .addInsert(new Account({ name: "Made" }), (result) => called.push(result.statusCode))
    .addDelete(doomed)
    .addQuery("SELECT Name FROM Account WHERE Name IN ('Made', 'Doomed')")
    .addQueryMore(nextRecordsUrl)
    .addInsert(new Account({ phone: "1" }))
    .send();
  assert.equal(hasErrors, true);
  assert.deepEqual(results.map((item) => item.statusCode), [200, 204, 201, 204, 200, 200, 400]);
  assert.deepEqual(called, [200, 204, 201]);
  assert.deepEqual(results[4].result.records.map((record) => record.Name), ["Made"]);
  assert.equal(results[5].result.records.length, 200);
  assert.equal(results[6].result[0].errorCode, "REQUIRED_FIELD_MISSING");
});

test("more than 25 subrequests go in several batches", async () => {
  const batch = new force.CompositeBatch();
  for (let number = 0; number < 60; number++) batch.addInsert(new Account({ name: `Many ${number}` }));
  const { hasErrors, results } = await batch.send();
  assert.deepEqual([hasErrors, results.length], [false, 60]);
  assert.equal(new Set(results.map((item) => item.result.id)).size, 60);
});

test("it signs in by password, client credentials and refresh token", async () => {
  const app = { instanceUrl: org.url, client_id: org.clientId, client_secret: org.clientSecret };
  const grants = [
    { grant_type: "password", username: org.username, password: org.password + org.securityToken },
    { grant_type: "client_credentials" },
    { grant_type: "refresh_token", refresh_token: org.refreshToken },
  ];
  for (const grant of grants) {
    const token = await force.requestAccessToken({ ...app, ...grant });
    const rest = new force.Rest({ ...token, version: VERSION });
    assert.ok((await rest.query("SELECT Id FROM User")).totalSize >= 1);
  }
});
