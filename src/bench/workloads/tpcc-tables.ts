/**
 * The tables of TPC-C (TPC Benchmark C, revision 5.11, clause 1.3), and their first rows, fewer than clause 4.3 wants so that loading takes a moment:
 * 1,000 items and 100 customers a district. Money is in cents, so that sums are exact. Columns that no transaction reads are left out.
 */

import type { LoadRandom } from '../random.ts'
import type { SqlConnection, Value } from '../target.ts'
import { countedKey, insertAll, recreate } from './rows.ts'

export const DISTRICTS = 10
export const CUSTOMERS = 100
export const ITEMS = 1_000
/** Each customer's first order; the last 30 of a district are not delivered. */
const ORDERS: number = CUSTOMERS
const UNDELIVERED = 30
const LINES = 5
const DISTRICT_YTD = 3_000_000
const FIRST_PAYMENT = 1_000

const TABLES: Readonly<Record<string, string>> = {
  warehouse: 'w_id INTEGER PRIMARY KEY, w_tax INTEGER, w_ytd BIGINT',
  district:
    'd_w_id INTEGER, d_id INTEGER, d_tax INTEGER, d_ytd BIGINT, d_next_o_id INTEGER, PRIMARY KEY (d_w_id, d_id)',
  customer: `c_w_id INTEGER, c_d_id INTEGER, c_id INTEGER, c_last TEXT, c_discount INTEGER, c_balance BIGINT,
    c_ytd_payment BIGINT, c_payment_cnt INTEGER, c_delivery_cnt INTEGER, PRIMARY KEY (c_w_id, c_d_id, c_id)`,
  item: 'i_id INTEGER PRIMARY KEY, i_name TEXT, i_price INTEGER',
  stock: `s_w_id INTEGER, s_i_id INTEGER, s_quantity INTEGER, s_ytd INTEGER, s_order_cnt INTEGER, s_remote_cnt INTEGER,
    s_dist TEXT, PRIMARY KEY (s_w_id, s_i_id)`,
  orders: `o_w_id INTEGER, o_d_id INTEGER, o_id INTEGER, o_c_id INTEGER, o_entry_d BIGINT, o_carrier_id INTEGER,
    o_ol_cnt INTEGER, PRIMARY KEY (o_w_id, o_d_id, o_id)`,
  new_order: 'no_w_id INTEGER, no_d_id INTEGER, no_o_id INTEGER, PRIMARY KEY (no_w_id, no_d_id, no_o_id)',
  order_line: `ol_w_id INTEGER, ol_d_id INTEGER, ol_o_id INTEGER, ol_number INTEGER, ol_i_id INTEGER, ol_supply_w_id INTEGER,
    ol_delivery_d BIGINT, ol_quantity INTEGER, ol_amount BIGINT, ol_dist_info TEXT,
    PRIMARY KEY (ol_w_id, ol_d_id, ol_o_id, ol_number)`,
}
const INDEXES: readonly string[] = [
  'CREATE INDEX customer_last ON customer (c_w_id, c_d_id, c_last, c_id)',
  'CREATE INDEX orders_customer ON orders (o_w_id, o_d_id, o_c_id, o_id)',
]

const SYLLABLES = ['BAR', 'OUGHT', 'ABLE', 'PRI', 'PRES', 'ESE', 'ANTI', 'CALLY', 'ATION', 'EING']

/** Clause 4.3.2.3: of three digits, three syllables. */
export function lastName(number: number): string {
  return String(number)
    .padStart(3, '0')
    .replaceAll(/\d/g, (digit) => SYLLABLES[Number(digit)] ?? '')
}

export async function loadTables(
  connection: SqlConnection,
  warehouses: number,
  random: LoadRandom,
): Promise<void> {
  const key = countedKey(connection.dialect)
  const history = `h_id ${key}, h_c_id INTEGER, h_d_id INTEGER, h_w_id INTEGER, h_date BIGINT, h_amount BIGINT`
  await recreate(connection, { ...TABLES, history }, INDEXES)
  const items = sequence(ITEMS).map((id) => [id, random.text(14), random.between(100, 10_000)])
  await insertAll(connection, 'item', ['i_id', 'i_name', 'i_price'], items)
  for (const warehouse of sequence(warehouses)) {
    await loadWarehouse(connection, warehouse, random)
    for (const district of sequence(DISTRICTS)) await loadDistrict(connection, warehouse, district, random)
  }
}

async function loadWarehouse(
  connection: SqlConnection,
  warehouse: number,
  random: LoadRandom,
): Promise<void> {
  await insertAll(
    connection,
    'warehouse',
    ['w_id', 'w_tax', 'w_ytd'],
    [[warehouse, random.between(0, 2000), DISTRICTS * DISTRICT_YTD]],
  )
  const stock = sequence(ITEMS).map((id) => [
    warehouse,
    id,
    random.between(10, 100),
    0,
    0,
    0,
    random.text(24),
  ])
  const columns = ['s_w_id', 's_i_id', 's_quantity', 's_ytd', 's_order_cnt', 's_remote_cnt', 's_dist']
  await insertAll(connection, 'stock', columns, stock)
}

async function loadDistrict(
  connection: SqlConnection,
  warehouse: number,
  district: number,
  random: LoadRandom,
): Promise<void> {
  const insert = (table: string, columns: string, rows: readonly (readonly Value[])[]): Promise<void> =>
    insertAll(
      connection,
      table,
      columns.split(' '),
      rows.map((row) => [warehouse, district, ...row]),
    )
  await insert('district', 'd_w_id d_id d_tax d_ytd d_next_o_id', [
    [random.between(0, 2000), DISTRICT_YTD, ORDERS + 1],
  ])
  await insert(
    'customer',
    'c_w_id c_d_id c_id c_last c_discount c_balance c_ytd_payment c_payment_cnt c_delivery_cnt',
    sequence(CUSTOMERS).map((id) => [
      id,
      lastName(id - 1),
      random.between(0, 5000),
      -FIRST_PAYMENT,
      FIRST_PAYMENT,
      1,
      0,
    ]),
  )
  await loadOrders(insert, random)
}

async function loadOrders(
  insert: (table: string, columns: string, rows: readonly (readonly Value[])[]) => Promise<void>,
  random: LoadRandom,
): Promise<void> {
  const isDelivered = (order: number): boolean => order <= ORDERS - UNDELIVERED
  await insert(
    'orders',
    'o_w_id o_d_id o_id o_c_id o_entry_d o_carrier_id o_ol_cnt',
    sequence(ORDERS).map((id) => [id, id, 0, isDelivered(id) ? random.between(1, 10) : null, LINES]),
  )
  const undelivered = sequence(ORDERS).filter((id) => !isDelivered(id))
  await insert(
    'new_order',
    'no_w_id no_d_id no_o_id',
    undelivered.map((id) => [id]),
  )
  const lines = sequence(ORDERS).flatMap((order) =>
    sequence(LINES).map((number) => [
      order,
      number,
      random.between(1, ITEMS),
      1,
      isDelivered(order) ? 0 : null,
      5,
      isDelivered(order) ? 0 : random.between(1, 999_999),
      random.text(24),
    ]),
  )
  const columns =
    'ol_w_id ol_d_id ol_o_id ol_number ol_i_id ol_supply_w_id ol_delivery_d ol_quantity ol_amount ol_dist_info'
  await insert('order_line', columns, lines)
}

function sequence(length: number): number[] {
  return Array.from({ length }, (_, at) => at + 1)
}
