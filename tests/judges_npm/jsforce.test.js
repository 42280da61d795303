// jsforce, unmodified, on the served local org. test_jsforce.py says what is covered.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const jsforce = require("jsforce");

const org = JSON.parse(process.env.TWINFORCE_ORG);
const VERSION = "60.0";

// Without this, jsforce prints a warning of its own at each SOAP login.
const connection = (options) =>
  new jsforce.Connection({ version: VERSION, logLevel: "ERROR", ...options });
const signedIn = () => connection({ instanceUrl: org.url, accessToken: org.accessToken });
const oauth2 = () => ({
  loginUrl: org.url,
  clientId: org.clientId,
  clientSecret: org.clientSecret,
  redirectUri: "http://localhost:1717/OauthRedirect",
});
const named = (name) => (error) => error.name === name || error.errorCode === name;

test("a record is created, read, updated and deleted", async () => {
  const accounts = signedIn().sobject("Account");
  const { id, success, errors } = await accounts.create({ Name: "Acme & <Sons>", Phone: "1" });
  assert.deepEqual([success, errors, id.length], [true, [], 18]);

  assert.equal((await accounts.retrieve(id)).Name, "Acme & <Sons>");
  assert.deepEqual(await accounts.update({ Id: id, Phone: "2" }), { id, success: true, errors: [] });
  const some = await signedIn().retrieve("Account", id, { fields: ["Phone", "OwnerId"] });
  assert.deepEqual(Object.keys(some).sort(), ["Id", "OwnerId", "Phone", "attributes"]);
  assert.equal(some.Phone, "2");

  assert.deepEqual(await accounts.destroy(id), { id, success: true, errors: [] });
  await assert.rejects(accounts.retrieve(id), named("NOT_FOUND"));
  await assert.rejects(accounts.destroy(id), named("ENTITY_IS_DELETED"));
});

test("several records go one by one in versions without collections", async () => {
  const contacts = connection({
    instanceUrl: org.url,
    accessToken: org.accessToken,
    version: "41.0",
  }).sobject("Contact");
  const created = await contacts.create([{ LastName: "One" }, { LastName: "Two" }, {}]);
  assert.deepEqual(created.map((result) => result.success), [true, true, false]);
  assert.equal(created[2].errors[0].errorCode, "REQUIRED_FIELD_MISSING");
  const ids = created.slice(0, 2).map((result) => result.id);
  const records = await contacts.retrieve([...ids, "003000000000000AAA"]);
  assert.deepEqual(records.map((record) => record && record.LastName), ["One", "Two", null]);
  const updated = await contacts.update(ids.map((Id) => ({ Id, Department: "R&D" })));
  assert.ok(updated.every((result) => result.success));
  assert.ok((await contacts.destroy(ids)).every((result) => result.success));
});

test("what Salesforce refuses is an error with its code, message and fields", async () => {
  const accounts = signedIn().sobject("Account");
  await assert.rejects(accounts.create({}), (error) => {
    assert.equal(error.errorCode, "REQUIRED_FIELD_MISSING");
    assert.match(error.message, /^Required fields are missing: \[Name\]$/);
    return true;
  });
  await assert.rejects(accounts.create({ Name: "x", Nmae: "y" }), (error) => {
    assert.equal(error.errorCode, "INVALID_FIELD");
    assert.match(error.message, /No such column 'Nmae' on sobject of type Account/);
    return true;
  });
  await assert.rejects(accounts.create({ Name: "x".repeat(256) }), named("STRING_TOO_LONG"));
  await assert.rejects(signedIn().query("SELECT Nam FROM Account"), named("INVALID_FIELD"));
  await assert.rejects(signedIn().query("SELECT FROM"), named("MALFORMED_QUERY"));
  await assert.rejects(signedIn().query("SELECT Id FROM Acount"), named("INVALID_TYPE"));
  await assert.rejects(signedIn().request("/services/data/v60.0/nothing"), named("NOT_FOUND"));
  await assert.rejects(
    connection({ instanceUrl: org.url, accessToken: "wrong" }).query("SELECT Id FROM Account"),
    named("INVALID_SESSION_ID"),
  );
});

test("an upsert by external id creates and then updates", async () => {
  const contacts = signedIn().sobject("Contact");
  const first = await contacts.upsert({ Key__c: "a key", LastName: "Doe" }, "Key__c");
  const again = await contacts.upsert({ Key__c: "a key", LastName: "Roe" }, "Key__c");
  assert.deepEqual([first.created, again.created, first.id === again.id], [true, false, true]);
  assert.equal((await contacts.retrieve(first.id)).LastName, "Roe");
  assert.equal((await contacts.findOne({ Key__c: "a key" }, ["LastName"])).LastName, "Roe");
});

test("a query answers records with parents and children", async () => {
  const salesforce = signedIn();
  const { id } = await salesforce.create("Account", { Name: "Family" });
  await salesforce.create("Contact", { LastName: "Young", AccountId: id });
  const people = await salesforce.query(
    `SELECT LastName, Account.Name FROM Contact WHERE AccountId = '${id}'`,
  );
  assert.deepEqual([people.totalSize, people.done], [1, true]);
  assert.equal(people.records[0].Account.Name, "Family");
  assert.equal(people.records[0].attributes.type, "Contact");
  const [account] = (await salesforce.query(
    `SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Id = '${id}'`,
  )).records;
  assert.deepEqual([account.Contacts.totalSize, account.Contacts.records[0].LastName], [1, "Young"]);
});

test("the query builder's queries are understood", async () => {
  const salesforce = signedIn();
  const { id } = await salesforce.create("Account", { Name: "Built's", NumberOfEmployees: 7 });
  for (const LastName of ["A", "B", "C"])
    await salesforce.create("Contact", { LastName, AccountId: id, Birthdate: "2000-02-29" });
  const contacts = await salesforce.sobject("Contact")
    .find({
      AccountId: id,
      $or: [{ LastName: { $like: "A%" } }, { LastName: { $in: ["B", "Z"] } }],
      Birthdate: { $gte: jsforce.SfDate.toDateLiteral(new Date(Date.UTC(2000, 0, 1))) },
      CreatedDate: jsforce.SfDate.TODAY,
    }, "Id, LastName, CreatedDate")
    .sort({ LastName: -1 }).limit(5).skip(0);
  assert.deepEqual(contacts.map((contact) => contact.LastName), ["B", "A"]);

  const [account] = await salesforce.sobject("Account")
    .select("Name")
    .where({ Name: "Built's", NumberOfEmployees: { $ne: null } })
    .include("Contacts").select("LastName").orderby("LastName", "ASC").limit(2).end();
  assert.deepEqual(account.Contacts.records.map((contact) => contact.LastName), ["A", "B"]);
  assert.equal(await salesforce.sobject("Contact").count({ AccountId: id }), 3);
  const all = await salesforce.sobject("Account").find({ Name: "Built's" });
  assert.equal(all[0].NumberOfEmployees, 7); // no fields were named: all that describe lists
});

test("aggregates, groups and dates", async () => {
  const salesforce = signedIn();
  for (const [Industry, AnnualRevenue] of [["Banking", 10], ["Banking", 32], ["Energy", 8]])
    await salesforce.create("Account", { Name: "Sums", Industry, AnnualRevenue });
  const { records, totalSize } = await salesforce.query(
    "SELECT Industry, COUNT(Id), SUM(AnnualRevenue) total FROM Account WHERE Name = 'Sums' " +
      "GROUP BY Industry HAVING COUNT(Id) > 0 ORDER BY Industry",
  );
  assert.equal(totalSize, 2);
  assert.deepEqual(records[0], {
    attributes: { type: "AggregateResult" }, Industry: "Banking", expr0: 2, total: 42,
  });
  const count = await salesforce.query("SELECT COUNT() FROM Account WHERE Name = 'Sums'");
  assert.deepEqual([count.totalSize, count.records], [3, []]);
});

test("pages are followed, by queryMore and by autoFetch", async () => {
  const salesforce = signedIn();
  const first = await salesforce.query("SELECT Name FROM Lead ORDER BY Name");
  assert.deepEqual([first.totalSize, first.done, first.records.length], [450, false, 200]);
  assert.match(first.nextRecordsUrl, /\/services\/data\/v60\.0\/query\/01g\w+-200$/);
  const second = await salesforce.queryMore(first.nextRecordsUrl);
  const third = await salesforce.queryMore(second.nextRecordsUrl.split("/").pop());
  assert.deepEqual([second.done, third.done, third.records.length], [false, true, 50]);

  const found = await salesforce.query("SELECT Name FROM Lead", { autoFetch: true, maxFetch: 1000 });
  assert.equal(found.records.length, 450);
  const some = await salesforce.query("SELECT Name FROM Lead", { autoFetch: true, maxFetch: 300 });
  assert.equal(some.records.length, 300);

  const streamed = [];
  await new Promise((resolve, reject) => {
    salesforce.query("SELECT Name FROM Lead").on("record", (record) => streamed.push(record))
      .on("end", resolve).on("error", reject).run({ autoFetch: true, maxFetch: 1000 });
  });
  assert.equal(new Set(streamed.map((record) => record.Id ?? record.Name)).size, 450);
});

test("deleted records show where all rows are asked for", async () => {
  const salesforce = signedIn();
  const { id } = await salesforce.create("Account", { Name: "Gone" });
  await salesforce.sobject("Account").destroy(id);
  const soql = `SELECT Id, IsDeleted FROM Account WHERE Id = '${id}'`;
  assert.equal((await salesforce.query(soql)).totalSize, 0);
  const all = await salesforce.query(soql, { scanAll: true });
  assert.deepEqual([all.totalSize, all.records[0].IsDeleted], [1, true]);
});

test("objects describe themselves", async () => {
  const salesforce = signedIn();
  const { sobjects, encoding, maxBatchSize } = await salesforce.describeGlobal();
  assert.deepEqual([encoding, maxBatchSize], ["UTF-8", 200]);
  const contact = sobjects.find((sobject) => sobject.name === "Contact");
  assert.deepEqual([contact.keyPrefix, contact.createable], ["003", true]);
  const description = await salesforce.sobject("Contact").describe();
  const fields = Object.fromEntries(description.fields.map((field) => [field.name, field]));
  assert.deepEqual([fields.LastName.nillable, fields.LastName.length], [false, 80]);
  assert.deepEqual([fields.AccountId.type, fields.AccountId.referenceTo], ["reference", ["Account"]]);
  assert.equal(fields.AccountId.relationshipName, "Account");
  assert.ok(fields.Key__c.externalId);
  await assert.rejects(salesforce.sobject("Nothing__c").describe(), named("NOT_FOUND"));
});

test("SOSL finds what was stored", async () => {
  const salesforce = signedIn();
  await salesforce.create("Account", { Name: "Findable Industries" });
  await salesforce.create("Contact", { LastName: "Findable" });
  const { searchRecords } = await salesforce.search(
    "FIND {findab*} IN NAME FIELDS RETURNING Account(Id, Name WHERE Name LIKE 'F%'), Contact(LastName)",
  );
  assert.deepEqual(
    searchRecords.map((record) => [record.attributes.type, record.Name ?? record.LastName]).sort(),
    [["Account", "Findable Industries"], ["Contact", "Findable"]],
  );
});

test("a batch goes through requestPost", async () => {
  const salesforce = signedIn();
  const { hasErrors, results } = await salesforce.requestPost(
    `/services/data/v${VERSION}/composite/batch`,
    {
      haltOnError: true,
      batchRequests: [
        { method: "POST", url: `v${VERSION}/sobjects/Account`, richInput: { Name: "Batched" } },
        { method: "GET", url: `v${VERSION}/query?q=SELECT+Name+FROM+Account+WHERE+Name='Batched'` },
        { method: "POST", url: `v${VERSION}/sobjects/Account`, richInput: {} },
        { method: "GET", url: `v${VERSION}/limits` },
      ],
    },
  );
  assert.equal(hasErrors, true);
  assert.deepEqual(results.map((item) => item.statusCode), [201, 200, 400, 412]);
  assert.equal(results[1].result.records[0].Name, "Batched");
  assert.equal(results[2].result[0].errorCode, "REQUIRED_FIELD_MISSING");
  assert.equal(results[3].result[0].errorCode, "BATCH_PROCESSING_HALTED");
});

test("limits, usage, versions and the list of resources", async () => {
  const salesforce = signedIn();
  const before = (await salesforce.limits()).DailyApiRequests;
  const after = (await salesforce.limits()).DailyApiRequests;
  assert.equal(before.Remaining - after.Remaining, 1);
  assert.equal(salesforce.limitInfo.apiUsage.limit, after.Max);
  const versions = await salesforce.request("/services/data");
  assert.ok(versions.some(({ version, url }) => version === VERSION && url.endsWith(`/v${VERSION}`)));
  const resources = await salesforce.request(`/services/data/v${VERSION}/`);
  assert.equal(resources.sobjects, `/services/data/v${VERSION}/sobjects`);
});

test("who is signed in", async () => {
  const salesforce = signedIn();
  const identity = await salesforce.identity();
  assert.match(identity.id, new RegExp(`^${org.url}/id/00D\\w{15}/005\\w{15}$`));
  assert.equal(identity.username, org.username);
  const { organizationId, id } = salesforce.userInfo;
  assert.deepEqual([organizationId, id], [identity.organization_id, identity.user_id]);
  const info = await salesforce.request("/services/oauth2/userinfo");
  assert.deepEqual([info.user_id, info.preferred_username], [identity.user_id, org.username]);
});

test("what was looked at last", async () => {
  const salesforce = signedIn();
  const { id } = await salesforce.create("Account", { Name: "Recent" });
  await salesforce.sobject("Account").retrieve(id);
  const recent = await salesforce.sobject("Account").recent();
  assert.ok(Array.isArray(recent));
  assert.ok(recent.every((item) => item.attributes.type === "Account"));
});

test("a connection signs in with OAuth, by user name and password", async () => {
  const salesforce = connection({ loginUrl: org.url, oauth2: oauth2() });
  const user = await salesforce.login(org.username, org.password + org.securityToken);
  assert.match(user.id, /^005/);
  assert.equal(salesforce.instanceUrl, org.url);
  assert.equal((await salesforce.identity()).username, org.username);
  await assert.rejects(
    connection({ loginUrl: org.url, oauth2: oauth2() }).login(org.username, "wrong"),
    named("invalid_grant"),
  );
});

test("a connection signs in with OAuth, by client credentials", async () => {
  const salesforce = connection({ loginUrl: org.url, oauth2: oauth2() });
  await salesforce.authorize({ grant_type: "client_credentials" });
  assert.ok((await salesforce.query("SELECT Id FROM User")).totalSize > 0);
  await assert.rejects(
    connection({ oauth2: { ...oauth2(), clientSecret: "wrong" } })
      .authorize({ grant_type: "client_credentials" }),
    named("invalid_client"),
  );
});

test("a connection signs in by the web server flow, and is refreshed", async () => {
  const salesforce = connection({ instanceUrl: org.url, oauth2: { ...oauth2(), useVerifier: true } });
  const page = salesforce.oauth2.getAuthorizationUrl({ scope: "api refresh_token" });
  const answer = await fetch(page, { redirect: "manual" });
  const code = new URL(answer.headers.get("location")).searchParams.get("code");
  await salesforce.authorize(code);
  const { accessToken, refreshToken } = salesforce;
  assert.ok(refreshToken);

  await salesforce.oauth2.revokeToken(accessToken);
  await assert.rejects(
    connection({ instanceUrl: org.url, accessToken }).query("SELECT Id FROM User"),
    named("INVALID_SESSION_ID"),
  );
  let refreshed;
  salesforce.on("refresh", (token) => { refreshed = token; });
  assert.ok((await salesforce.query("SELECT Id FROM User")).totalSize > 0);
  assert.equal(salesforce.accessToken, refreshed);
  assert.notEqual(refreshed, accessToken);

  await salesforce.logout(true); // revokes the refresh token, and what came of it
  await assert.rejects(
    connection({ oauth2: oauth2() }).oauth2.refreshToken(refreshToken), named("invalid_grant"),
  );
  // Last, since a code that comes again ends all that it gave.
  await assert.rejects(connection({ oauth2: oauth2() }).authorize(code), named("invalid_grant"));
});

test("a connection signs in by SOAP, and out again", async () => {
  const salesforce = connection({ loginUrl: org.url });
  const user = await salesforce.login(org.username, org.password + org.securityToken);
  assert.match(user.organizationId, /^00D/);
  const { accessToken } = salesforce;
  assert.equal((await salesforce.identity()).username, org.username);
  await assert.rejects(
    connection({ loginUrl: org.url }).login(org.username, "wrong"),
    /INVALID_LOGIN: Invalid username, password, security token; or user locked out\./,
  );
  await salesforce.logout();
  await assert.rejects(
    connection({ instanceUrl: org.url, accessToken }).query("SELECT Id FROM User"),
    named("INVALID_SESSION_ID"),
  );
});

test("a file is uploaded as it is, in parts, and read back", async () => {
  const salesforce = signedIn();
  const bytes = Buffer.from([0, 255, 13, 10, 45, 45, 0x80]);
  const { id } = await salesforce.sobject("ContentVersion").create(
    { Title: "Bytes", PathOnClient: "bytes.bin", VersionData: bytes.toString("base64") },
    { multipartFileFields: { VersionData: { filename: "bytes.bin", contentType: "application/octet-stream" } } },
  );
  const read = await salesforce.sobject("ContentVersion").record(id).blob("VersionData");
  const chunks = [];
  for await (const chunk of read) chunks.push(chunk);
  assert.deepEqual(Buffer.concat(chunks), bytes);
});
