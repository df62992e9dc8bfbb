/** The five transactions of TPC-C (revision 5.11, clauses 2.4 to 2.8). */

import type { LoadRandom } from '../random.ts'
import type { Executor, Row, SqlConnection } from '../target.ts'
import { one, scalar } from './rows.ts'
import { CUSTOMERS, DISTRICTS, ITEMS, lastName } from './tpcc-tables.ts'

/** Clause 2.1.6: constants of the non-uniform distribution, chosen once. */
const NURAND_CUSTOMER = { most: 63, constant: 17 }
const NURAND_ITEM = { most: 511, constant: 131 }
const REMOTE_LINE = 0.01
const REMOTE_PAYMENT = 0.15
const BY_LAST_NAME = 0.6
const UNKNOWN_ITEM = 0.01
const RECENT_ORDERS = 20

export interface Warehouses {
  readonly count: number
}

export type Transact = (
  connection: SqlConnection,
  warehouses: Warehouses,
  random: LoadRandom,
) => Promise<void>

/** The terminal's user has mistyped the last item (clause 2.4.1.4): the transaction is rolled back on purpose. */
class UnknownItem extends Error {}

function nonUniform(
  random: LoadRandom,
  { most, constant }: typeof NURAND_ITEM,
  low: number,
  high: number,
): number {
  return (((random.between(0, most) | random.between(low, high)) + constant) % (high - low + 1)) + low
}

function someCustomer(random: LoadRandom): number {
  return nonUniform(random, NURAND_CUSTOMER, 1, CUSTOMERS)
}

function another(warehouse: number, { count }: Warehouses, random: LoadRandom): number {
  return count === 1 ? warehouse : 1 + ((warehouse + random.integer(count - 1)) % count)
}

interface Line {
  readonly item: number
  readonly supplier: number
  readonly quantity: number
}

export async function newOrder(
  connection: SqlConnection,
  warehouses: Warehouses,
  random: LoadRandom,
): Promise<void> {
  const warehouse = random.between(1, warehouses.count)
  const district = random.between(1, DISTRICTS)
  const customer = someCustomer(random)
  const isMistyped = random.float() < UNKNOWN_ITEM
  const lines: Line[] = Array.from({ length: random.between(5, 15) }, () => ({
    item: nonUniform(random, NURAND_ITEM, 1, ITEMS),
    supplier: random.float() < REMOTE_LINE ? another(warehouse, warehouses, random) : warehouse,
    quantity: random.between(1, 10),
  }))
  // In one order everywhere, or transactions wait for each other in a ring.
  lines.sort((a, b) => a.supplier - b.supplier || a.item - b.item)
  if (isMistyped) lines[lines.length - 1] = { item: ITEMS + 1, supplier: warehouse, quantity: 1 }
  try {
    await connection.transaction((transaction) => order(transaction, warehouse, district, customer, lines))
  } catch (error) {
    if (!(error instanceof UnknownItem)) throw error
  }
}

async function order(
  transaction: Executor,
  warehouse: number,
  district: number,
  customer: number,
  lines: readonly Line[],
): Promise<void> {
  const place = [warehouse, district]
  await transaction.execute(
    'UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = ? AND d_id = ?',
    place,
  )
  const id =
    (await scalar(transaction, 'SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ?', place)) - 1
  await scalar(transaction, 'SELECT w_tax FROM warehouse WHERE w_id = ?', [warehouse])
  await scalar(transaction, 'SELECT c_discount FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?', [
    ...place,
    customer,
  ])
  await transaction.execute(
    'INSERT INTO orders (o_w_id, o_d_id, o_id, o_c_id, o_entry_d, o_carrier_id, o_ol_cnt) VALUES (?, ?, ?, ?, ?, NULL, ?)',
    [...place, id, customer, Date.now(), lines.length],
  )
  await transaction.execute('INSERT INTO new_order (no_w_id, no_d_id, no_o_id) VALUES (?, ?, ?)', [
    ...place,
    id,
  ])
  for (const [at, line] of lines.entries())
    await orderLine(transaction, warehouse, district, id, at + 1, line)
}

async function orderLine(
  transaction: Executor,
  warehouse: number,
  district: number,
  order: number,
  number: number,
  { item, supplier, quantity }: Line,
): Promise<void> {
  const [found] = await transaction.execute('SELECT i_price FROM item WHERE i_id = ?', [item])
  if (found === undefined) throw new UnknownItem()
  const stock = one(
    await transaction.execute('SELECT s_quantity, s_dist FROM stock WHERE s_w_id = ? AND s_i_id = ?', [
      supplier,
      item,
    ]),
    'stock',
  )
  const left = Number(stock[0]) - quantity
  await transaction.execute(
    `UPDATE stock SET s_quantity = ?, s_ytd = s_ytd + ?, s_order_cnt = s_order_cnt + 1, s_remote_cnt = s_remote_cnt + ?
     WHERE s_w_id = ? AND s_i_id = ?`,
    [left >= 10 ? left : left + 91, quantity, supplier === warehouse ? 0 : 1, supplier, item],
  )
  await transaction.execute(
    `INSERT INTO order_line (ol_w_id, ol_d_id, ol_o_id, ol_number, ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_dist_info)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      warehouse,
      district,
      order,
      number,
      item,
      supplier,
      quantity,
      quantity * Number(found[0]),
      stock[1] ?? null,
    ],
  )
}

/** Clause 2.5.2.2: by number, or the middle one of those with a last name. */
async function findCustomer(
  transaction: Executor,
  warehouse: number,
  district: number,
  random: { readonly name: string | null; readonly number: number },
): Promise<number> {
  if (random.name === null) return random.number
  const rows = await transaction.execute(
    'SELECT c_id FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_last = ? ORDER BY c_id',
    [warehouse, district, random.name],
  )
  return Number(rows[Math.floor(rows.length / 2)]?.[0] ?? random.number)
}

function customerChoice(random: LoadRandom): { readonly name: string | null; readonly number: number } {
  const number = someCustomer(random)
  return { number, name: random.float() < BY_LAST_NAME ? lastName(number - 1) : null }
}

export async function payment(
  connection: SqlConnection,
  warehouses: Warehouses,
  random: LoadRandom,
): Promise<void> {
  const warehouse = random.between(1, warehouses.count)
  const district = random.between(1, DISTRICTS)
  const home =
    random.float() < REMOTE_PAYMENT
      ? [another(warehouse, warehouses, random), random.between(1, DISTRICTS)]
      : [warehouse, district]
  const [homeWarehouse = warehouse, homeDistrict = district] = home
  const choice = customerChoice(random)
  const amount = random.between(100, 500_000)
  await connection.transaction(async (transaction) => {
    await transaction.execute('UPDATE warehouse SET w_ytd = w_ytd + ? WHERE w_id = ?', [amount, warehouse])
    await transaction.execute('UPDATE district SET d_ytd = d_ytd + ? WHERE d_w_id = ? AND d_id = ?', [
      amount,
      warehouse,
      district,
    ])
    const customer = await findCustomer(transaction, homeWarehouse, homeDistrict, choice)
    await transaction.execute(
      `UPDATE customer SET c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?, c_payment_cnt = c_payment_cnt + 1
       WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?`,
      [amount, amount, homeWarehouse, homeDistrict, customer],
    )
    await transaction.execute(
      'INSERT INTO history (h_c_id, h_d_id, h_w_id, h_date, h_amount) VALUES (?, ?, ?, ?, ?)',
      [customer, district, warehouse, Date.now(), amount],
    )
  })
}

export async function orderStatus(
  connection: SqlConnection,
  warehouses: Warehouses,
  random: LoadRandom,
): Promise<void> {
  const warehouse = random.between(1, warehouses.count)
  const district = random.between(1, DISTRICTS)
  const choice = customerChoice(random)
  const lines = await connection.transaction(async (transaction): Promise<readonly Row[]> => {
    const customer = await findCustomer(transaction, warehouse, district, choice)
    const [last] = await transaction.execute(
      `SELECT o_id, o_entry_d, o_carrier_id FROM orders WHERE o_w_id = ? AND o_d_id = ? AND o_c_id = ?
       ORDER BY o_id DESC LIMIT 1`,
      [warehouse, district, customer],
    )
    return transaction.execute(
      `SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM order_line
       WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?`,
      [warehouse, district, last?.[0] ?? 0],
    )
  }, 'read')
  if (lines.length === 0) throw new Error('An order has no lines')
}

export async function delivery(
  connection: SqlConnection,
  warehouses: Warehouses,
  random: LoadRandom,
): Promise<void> {
  const warehouse = random.between(1, warehouses.count)
  const carrier = random.between(1, 10)
  await connection.transaction(async (transaction) => {
    for (let district = 1; district <= DISTRICTS; district++)
      await deliverOldest(transaction, warehouse, district, carrier)
  })
}

async function deliverOldest(
  transaction: Executor,
  warehouse: number,
  district: number,
  carrier: number,
): Promise<void> {
  const [oldest] = await transaction.execute(
    'SELECT no_o_id FROM new_order WHERE no_w_id = ? AND no_d_id = ? ORDER BY no_o_id LIMIT 1',
    [warehouse, district],
  )
  if (oldest === undefined) return
  const order = [warehouse, district, oldest[0] ?? null]
  await transaction.execute('DELETE FROM new_order WHERE no_w_id = ? AND no_d_id = ? AND no_o_id = ?', order)
  await transaction.execute(
    'UPDATE orders SET o_carrier_id = ? WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?',
    [carrier, ...order],
  )
  await transaction.execute(
    'UPDATE order_line SET ol_delivery_d = ? WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?',
    [Date.now(), ...order],
  )
  const customer = await scalar(
    transaction,
    'SELECT o_c_id FROM orders WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?',
    order,
  )
  const amount = await scalar(
    transaction,
    'SELECT sum(ol_amount) FROM order_line WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?',
    order,
  )
  await transaction.execute(
    `UPDATE customer SET c_balance = c_balance + ?, c_delivery_cnt = c_delivery_cnt + 1
     WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?`,
    [amount, warehouse, district, customer],
  )
}

export async function stockLevel(
  connection: SqlConnection,
  warehouses: Warehouses,
  random: LoadRandom,
): Promise<void> {
  const place = [random.between(1, warehouses.count), random.between(1, DISTRICTS)]
  const threshold = random.between(10, 20)
  await connection.transaction(async (transaction) => {
    const next = await scalar(
      transaction,
      'SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ?',
      place,
    )
    await scalar(
      transaction,
      `SELECT count(DISTINCT s_i_id) FROM order_line JOIN stock ON s_w_id = ol_w_id AND s_i_id = ol_i_id
       WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id >= ? AND ol_o_id < ? AND s_quantity < ?`,
      [...place, next - RECENT_ORDERS, next, threshold],
    )
  }, 'read')
}
