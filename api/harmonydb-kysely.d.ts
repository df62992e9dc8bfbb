// What applications may use. Written by `npm run api` and compared by a test: a difference is a change of the API.
// It shows types of kysely.
// It shows types of harmonydb.
export { ReadMode, HarmonyDialect, HarmonyDialectOptions }

// drivers/local-reads.ts

/** How fresh a read outside of a transaction is, and where it runs: see DESIGN.md. */
export type ReadMode = 'linearizable' | 'local';

// drivers/kysely/dialect.ts

export declare class HarmonyDialect implements Dialect {
    #private;
    constructor(options: HarmonyDialectOptions);
    createAdapter(): DialectAdapter;
    createDriver(): Driver;
    createIntrospector(db: Kysely<unknown>): DatabaseIntrospector;
    createQueryCompiler(): QueryCompiler;
}

export interface HarmonyDialectOptions {
    /** What `open()` gave, or one of its databases. Kysely's `destroy` does not close it. */
    readonly database: Database;
    /** Of reads outside of transactions. `local`: in this thread, in microseconds, of what has arrived here. Default `linearizable`. */
    readonly reads?: ReadMode;
    /** When a transaction takes the writer: at its start, or with its first write, which can then meet TRANSACTION_CONFLICT. Default `immediate`. */
    readonly transactions?: 'immediate' | 'deferred';
    /**
     * Of its transactions. `false` for an instance that runs migrations which rebuild tables others refer to: DROP TABLE would delete
     * what refers to its rows. Default `true`.
     */
    readonly foreignKeys?: boolean;
}
