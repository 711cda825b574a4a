// node-postgres judges a node: one OK or FAIL line a step. PGPORT names the port; tests/kafka/clients.sh runs it.
const assert = require('node:assert')
const { Client, Pool } = require('pg')

const options = { host: '127.0.0.1', port: Number(process.env.PGPORT), user: 'judge', database: 'freshet' }
let failed = 0

async function step(name, run) {
  try {
    await run()
    console.log('OK  ', name)
  } catch (e) {
    failed++
    console.log('FAIL', name, String(e.message).split('\n')[0])
  }
}

async function main() {
  const client = new Client(options)
  await client.connect()
  await step('create', () => client.query('CREATE TABLE node_pg_items (id BIGINT PRIMARY KEY, name TEXT, at TIMESTAMP)'))
  await step('insert', async () => {
    const r = await client.query('INSERT INTO node_pg_items VALUES ($1, $2, $3)', [1, 'one', new Date('2026-01-02T03:04:05Z')])
    assert.equal(r.rowCount, 1)
  })
  await step('select', async () => {
    const r = await client.query('SELECT * FROM node_pg_items WHERE id = $1', [1])
    assert.deepEqual(r.rows, [{ id: '1', name: 'one', at: new Date('2026-01-02T03:04:05Z') }])
  })
  await step('prepared', async () => {
    for (let i = 0; i < 3; i++) assert.equal((await client.query({ name: 'p', text: 'SELECT $1::int + 1 AS n', values: [i] })).rows[0].n, i + 1)
  })
  await step('error', async () => {
    await assert.rejects(client.query('SELECT missing FROM node_pg_items'), (e) => e.code === '42703' && e.position === '8')
  })
  await step('transaction', async () => {
    await client.query('BEGIN')
    await client.query("INSERT INTO node_pg_items (id, name) VALUES (2, 'dropped')")
    await client.query('ROLLBACK')
    assert.equal((await client.query('SELECT id FROM node_pg_items')).rowCount, 1)
  })
  await step('pool', async () => {
    const pool = new Pool({ ...options, max: 4 })
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => pool.query('SELECT $1::int AS n', [n])))
    assert.deepEqual(all.map((r) => r.rows[0].n), [1, 2, 3, 4, 5, 6])
    await pool.end()
  })
  await client.end()
  process.exitCode = failed ? 1 : 0
}

main()
