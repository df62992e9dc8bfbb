// What applications may use. Written by `npm run api` and compared by a test: a difference is a change of the API.
// It shows types of harmonydb.
// It shows types of drizzle-orm.
// It shows types of drizzle-orm/sqlite-core.
// It shows types of drizzle-orm/batch.
// It shows types of drizzle-orm/migrator.
export { ReadMode, drizzle, HarmonyDrizzle, HarmonyDrizzleConfig, migrate, drizzleReader, HarmonyDrizzleReader }

// drivers/local-reads.ts

/** How fresh a read outside of a transaction is, and where it runs: see DESIGN.md. */
export type ReadMode = 'linearizable' | 'local';

// drivers/drizzle/database.ts

export declare function drizzle<TSchema extends Record<string, unknown> = Record<string, never>>(client: Database, config?: HarmonyDrizzleConfig<TSchema>): HarmonyDrizzle<TSchema>;

export interface HarmonyDrizzleConfig<TSchema extends Record<string, unknown> = Record<string, never>> extends Pick<DrizzleConfig<TSchema>, 'casing' | 'logger' | 'schema'> {
    /** Of reads outside of transactions. `local`: in this thread, in microseconds, of what has arrived here. Default `linearizable`. */
    readonly reads?: ReadMode;
}

export declare class HarmonyDrizzle<TSchema extends Record<string, unknown> = Record<string, never>> extends BaseSQLiteDatabase<'async', Result, TSchema> {
    #private;
    readonly $client: Database;
    /** All of the statements or none of them, in one round trip. */
    batch<U extends BatchItem<'sqlite'>, T extends Readonly<[U, ...U[]]>>(statements: T): Promise<BatchResponse<T>>;
}

// drivers/drizzle/migrate.ts

/**
 * Runs what has not been run yet, all or nothing, with foreign keys off, and checks them at the end. Processes that start at the same time run it once: the transaction has the database's
 * writer before it looks what there is to do. The table is the one that Drizzle's own migrators use.
 */
export declare function migrate({ $client }: {
    readonly $client: Database;
}, config: Pick<MigrationConfig, 'migrationsFolder' | 'migrationsTable'>): Promise<void>;

// drivers/drizzle/reader.ts

export declare function drizzleReader<TSchema extends Record<string, unknown> = Record<string, never>>(client: Database, config?: Omit<HarmonyDrizzleConfig<TSchema>, 'reads'>): HarmonyDrizzleReader<TSchema>;

export type HarmonyDrizzleReader<TSchema extends Record<string, unknown> = Record<string, never>> = BaseSQLiteDatabase<'sync', never, TSchema>;
