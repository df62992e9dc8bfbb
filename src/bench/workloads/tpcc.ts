/**
 * A mix like TPC-C's (revision 5.11, clause 5.2.3), without its waiting times and with fewer rows; its figures can't be compared with published ones. After
 * the rounds, the consistency conditions of clause 3.3.2 that a lost or doubled write would break are checked.
 */

import { LoadRandom } from '../random.ts'
import type { SqlConnection } from '../target.ts'
import type { SqlWorkload } from '../workload.ts'
import { scalar } from './rows.ts'
import { loadTables } from './tpcc-tables.ts'
import { delivery, newOrder, orderStatus, payment, stockLevel, type Transact } from './tpcc-transactions.ts'

const LOAD_SEED = 2
const MIX: readonly { readonly upTo: number; readonly transact: Transact }[] = [
  { upTo: 45, transact: newOrder },
  { upTo: 88, transact: payment },
  { upTo: 92, transact: orderStatus },
  { upTo: 96, transact: delivery },
  { upTo: 100, transact: stockLevel },
]

/** Each counts what is wrong; by the number of the condition in clause 3.3.2. */
const CONDITIONS: readonly { readonly name: string; readonly wrong: string }[] = [
  {
    name: "1: a warehouse's year-to-date is the sum of its districts'",
    wrong:
      'SELECT count(*) FROM warehouse WHERE w_ytd <> (SELECT sum(d_ytd) FROM district WHERE d_w_id = w_id)',
  },
  {
    name: "2: a district's next order follows its last one",
    wrong: `SELECT count(*) FROM district WHERE d_next_o_id - 1 <>
      (SELECT max(o_id) FROM orders WHERE o_w_id = d_w_id AND o_d_id = d_id)`,
  },
  {
    name: '3: the new orders of a district have no gaps',
    wrong: `SELECT count(*) FROM (SELECT count(*) AS n, max(no_o_id) - min(no_o_id) + 1 AS span
      FROM new_order GROUP BY no_w_id, no_d_id) AS districts WHERE n <> span`,
  },
  {
    name: '4: a district has as many lines as its orders say',
    wrong: `SELECT count(*) FROM district WHERE
      (SELECT sum(o_ol_cnt) FROM orders WHERE o_w_id = d_w_id AND o_d_id = d_id) <>
      (SELECT count(*) FROM order_line WHERE ol_w_id = d_w_id AND ol_d_id = d_id)`,
  },
  {
    name: '5: an order has a carrier unless it is new',
    wrong: `SELECT count(*) FROM orders LEFT JOIN new_order ON no_w_id = o_w_id AND no_d_id = o_d_id AND no_o_id = o_id
      WHERE (o_carrier_id IS NULL) <> (no_o_id IS NOT NULL)`,
  },
  {
    name: '6: an order has as many lines as it says',
    wrong: `SELECT count(*) FROM orders WHERE o_ol_cnt <> (SELECT count(*) FROM order_line
      WHERE ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id)`,
  },
  {
    name: "9: a district's year-to-date is what it began with and its payments",
    wrong: `SELECT count(*) FROM district WHERE d_ytd <> 3000000 +
      (SELECT coalesce(sum(h_amount), 0) FROM history WHERE h_w_id = d_w_id AND h_d_id = d_id)`,
  },
  {
    name: "12: a customer's balance and payments are what was delivered",
    wrong: `SELECT count(*) FROM customer WHERE c_balance + c_ytd_payment <>
      (SELECT coalesce(sum(ol_amount), 0) FROM orders JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id
       WHERE o_w_id = c_w_id AND o_d_id = c_d_id AND o_c_id = c_id AND ol_delivery_d IS NOT NULL)`,
  },
]

async function check(connection: SqlConnection): Promise<readonly string[]> {
  const broken: string[] = []
  for (const { name, wrong } of CONDITIONS) {
    const count = await scalar(connection, wrong)
    if (count > 0) broken.push(`condition ${name}: not so in ${count} places`)
  }
  return broken
}

export const TPCC: SqlWorkload = {
  name: 'tpcc',
  title: 'TPC-C-like mix',
  summary:
    '45% new orders, 43% payments, 4% each order status, delivery and stock level; one warehouse for each --scale. Afterwards: eight consistency conditions.',
  needs: 'sql',
  load: (connection, scale) => loadTables(connection, scale, new LoadRandom(LOAD_SEED)),
  begin: (_, scale) =>
    Promise.resolve((connection, random) => {
      const dice = random.integer(100)
      const { transact } = MIX.find(({ upTo }) => dice < upTo) ?? { transact: newOrder }
      return transact(connection, { count: scale }, random)
    }),
  check,
}
