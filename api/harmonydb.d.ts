// What applications may use. Written by `npm run api` and compared by a test: a difference is a change of the API.
export { HarmonyError, isRetryable, HarmonyErrorCode, DatabaseInfo, Consistency, Bucket, BucketChange, ChangeOptions, BucketOptions, OrderedItem, OrderedKey, KeyRange, ScanOptions, TransactionBucket, PutOptions, WriteOptions, PeerOptions, BatchStatement, Database, ExecuteOptions, HarmonyDB, open, OpenOptions, Result, RowForm, ServeOptions, Statement, Transaction, TransactionOptions, NamedParameters, Parameter, Row, Value }

// base/errors.ts

export declare class HarmonyError extends Error {
    readonly name = "HarmonyError";
    readonly code: HarmonyErrorCode;
    readonly offset: number | undefined;
    constructor(code: HarmonyErrorCode, message: string, options?: HarmonyErrorOptions);
}

/**
 * The one error class that crosses layers and reaches users. `code` is stable and documented
 * (docs/guide/errors.md); the message says what happened, to what, and what to do.
 *
 * Codes that begin with `SQLITE_` are SQLite's own; the others are HarmonyDB's. Protocols map them to
 * their own form and add nothing.
 */
export type HarmonyErrorCode = 'SQL_PARSE_ERROR' | 'SQL_NO_STATEMENT' | 'SQL_MANY_STATEMENTS' | 'SQL_INPUT_ERROR' | 'ARGS_INVALID' | 'ARGS_BOTH_POSITIONAL_AND_NAMED' | 'STATEMENT_REFUSED' | 'NONDETERMINISTIC_FUNCTION' | 'RESERVED_NAME' | 'READ_ONLY' | 'STATEMENT_TOO_LARGE' | 'TRANSACTION_TOO_LARGE' | 'RESPONSE_TOO_LARGE' | 'REQUEST_TOO_LARGE' | 'ENCODING_UNSUPPORTED' | 'REQUEST_INVALID' | 'AUTH_REQUIRED' | 'AUTH_INVALID' | 'DATABASE_NOT_FOUND' | 'DATABASE_EXISTS' | 'DATABASE_NAME_INVALID' | 'MEMBER_NOT_FOUND' | 'MEMBERSHIP_REFUSED' | 'NO_TRANSACTION' | 'TRANSACTION_ACTIVE' | 'TRANSACTION_TIMEOUT' | 'TRANSACTION_CONFLICT' | 'TRANSACTION_BUSY' | 'TRANSACTION_ABORTED' | 'STATEMENT_TIMEOUT' | 'STATEMENT_CANCELLED' | 'OUTCOME_UNKNOWN' | 'NOT_LEADER' | 'OVERLOADED' | 'SHUTTING_DOWN' | 'CHANGES_LOST' | 'DISK_FULL' | 'DISK_FAILED' | 'DATA_CORRUPT' | 'DATA_LOCKED' | 'ADDRESS_UNAVAILABLE' | 'FORMAT_TOO_NEW' | 'REPLICA_DIVERGED' | 'INTERNAL' | 'STREAM_EXPIRED' | 'STREAM_NOT_OPEN' | 'BATON_INVALID' | 'SQL_STORE_TOO_MANY' | 'SQL_STORE_TOO_LARGE' | 'SQL_NOT_STORED' | `SQLITE_${string}`;

export interface HarmonyErrorOptions {
    readonly cause?: unknown;
    /** Byte offset in the SQL text that the error is about, if SQLite told one. */
    readonly offset?: number;
}

export declare function isRetryable(error: unknown): boolean;

// gateway/core.ts

export interface DatabaseInfo {
    readonly name: string;
    readonly appliedIndex: bigint;
    readonly sizeBytes: number;
}

// gateway/session.ts

/** How fresh a read must be (DESIGN section 4, promise P2). */
export type Consistency = {
    readonly level: 'linearizable';
}
/** At least as fresh as the session's own writes, and as `index` where the client brings a token. */
 | {
    readonly level: 'session';
    readonly index?: bigint;
} | {
    readonly level: 'stale';
    readonly maxStalenessMs?: number;
};

// embed/bucket/bucket.ts

export declare class Bucket<K, V> {
    #private;
    /** Names from the outermost bucket to this one. */
    readonly path: Path;
    /** Whether it was made: by its first entry, sequence number, watcher, or a bucket inside of it. */
    get exists(): boolean;
    /** Undefined if there is no such entry, or none any more. */
    get(key: K): V | undefined;
    has(key: K): boolean;
    /** When the entry ends, in ms since 1970 of log time; null: never; undefined: there is none. */
    expiresAt(key: K): number | null | undefined;
    /** Entries in the order of their keys' bytes, all of one state, whatever is written meanwhile. */
    entries(options?: ScanOptions<K>): Generator<[K, V], void, void>;
    keys(options?: ScanOptions<K>): Generator<K, void, void>;
    values(options?: ScanOptions<K>): Generator<V, void, void>;
    [Symbol.iterator](): Generator<[K, V], void, void>;
    /** How many entries. Walks over them. */
    count(range?: KeyRange<K>): number;
    /** Names of the buckets inside this one, in order. */
    buckets(): string[];
    /** The bucket of this name inside this one. */
    bucket<J = unknown, KK extends KeyKind = 'string', VK extends ValueKind = 'json'>(name: string, options?: BucketOptions<KK, VK>): Bucket<KeyKinds[KK], ValueKinds<J>[VK]>;
    put(key: K, value: V, options?: PutOptions): Promise<void>;
    /** All of them or none. */
    putAll(entries: Iterable<readonly [K, V]>, options?: PutOptions): Promise<void>;
    /** Whether it was absent, and is there now. */
    putIfAbsent(key: K, value: V, options?: PutOptions): Promise<boolean>;
    /**
     * Sets `value` if the entry is `expected`; undefined stands for no entry, on either side. Whether it was. Values are equal if they are
     * stored alike: for `json`, if their JSON text is the same, so give what `get` gave.
     */
    compareAndSet(key: K, expected: V | undefined, value: V | undefined, options?: PutOptions): Promise<boolean>;
    /** Whether it was there. */
    delete(key: K, options?: WriteOptions): Promise<boolean>;
    /** How many there were. Without bounds all entries; buckets inside stay. */
    deleteRange(range: KeyRange<K>, options?: WriteOptions): Promise<number>;
    /** 1, 2, 3, …: a number that this bucket has never given before. */
    nextSequence(options?: WriteOptions): Promise<number>;
    /** Deletes the bucket with its entries, its sequence and the buckets inside. Whether it was there. */
    drop(options?: WriteOptions): Promise<boolean>;
    /**
     * Changes of entries in log order, each once: what other members wrote, SQL, and what expired included. Of all that is committed after this
     * has resolved, or after the change whose `token` is `after`. The first watcher of a bucket makes the database record its changes.
     * Ends when `signal` is aborted, the bucket is deleted or the database is closed. Rejects with CHANGES_LOST, at its beginning or in
     * a loop that is far behind, where changes are not kept any more.
     */
    watch(options?: ChangeOptions<K>): Promise<AsyncGenerator<BucketChange<K, V>, void, void>>;
    /** The database no longer records this bucket's changes: after the last watcher, should it have been only for a while. */
    stopRecording(): Promise<void>;
}

// embed/bucket/statements.ts

export type Path = readonly string[];

// embed/bucket/key-range.ts

export interface ScanOptions<K> extends KeyRange<K> {
    /** From the last one down. */
    readonly reverse?: boolean;
    readonly limit?: number;
}

/** Of several bounds on one side the tighter one counts. */
export interface KeyRange<K> {
    /** From here on, with it. */
    readonly gte?: K;
    /** From here on, without it. */
    readonly gt?: K;
    /** Up to here, with it. */
    readonly lte?: K;
    /** Up to here, without it. */
    readonly lt?: K;
    /** Keys that begin with it: strings and bytes by their bytes, `ordered` lists by their first items. */
    readonly prefix?: K;
}

// embed/bucket/key-codec.ts

export type KeyKind = 'string' | 'bytes' | 'ordered';

export type OrderedKey = readonly OrderedItem[];

export type OrderedItem = null | boolean | number | string | Uint8Array | readonly OrderedItem[];

// embed/bucket/value-codec.ts

export type ValueKind = 'json' | 'string' | 'bytes';

// embed/bucket/codecs.ts

export interface BucketOptions<KK extends KeyKind = KeyKind, VK extends ValueKind = ValueKind> {
    /** `string` (default): ordered by code points. `bytes`: by bytes. `ordered`: lists of values of several kinds, each in its own order. */
    readonly keys?: KK;
    /** `json` (default): whatever JSON can say. `string` or `bytes`: as they are. */
    readonly values?: VK;
}

export interface KeyKinds {
    readonly string: string;
    readonly bytes: Uint8Array;
    readonly ordered: OrderedKey;
}

export interface ValueKinds<J = unknown> {
    readonly json: J;
    readonly string: string;
    readonly bytes: Uint8Array;
}

// embed/bucket/writer.ts

export interface PutOptions extends WriteOptions {
    /** The entry is there for so long. Default: for ever. Another `put` without it takes the limit away. */
    readonly ttlMs?: number;
}

export interface WriteOptions {
    /** Stops the write, if it can still be stopped; it then rejects with the signal's reason. */
    readonly signal?: AbortSignal;
    /** Makes the write safe to send again after OUTCOME_UNKNOWN: of all writes with the same key at most one is applied. */
    readonly idempotencyKey?: string;
}

// embed/bucket/changes.ts

export interface ChangeOptions<K> extends KeyRange<K> {
    /** This key alone. */
    readonly key?: K;
    /** Go on after the change that had this token. Default: with the next change. */
    readonly after?: number;
    readonly signal?: AbortSignal;
}

export type BucketChange<K, V> = {
    readonly key: K;
    /** Where this change is: `after` of a later `watch`, on any member. */
    readonly token: number;
    /** Of the log's entry, in ms since 1970. */
    readonly timeMs: number;
} & ({
    readonly kind: 'put';
    readonly value: V;
} | {
    readonly kind: 'delete' | 'expire';
    readonly value: undefined;
});

// embed/bucket/transaction-bucket.ts

export declare class TransactionBucket<K, V> {
    #private;
    readonly path: Path;
    get(key: K): Promise<V | undefined>;
    has(key: K): Promise<boolean>;
    /** In the order of their keys' bytes. A list: nothing else runs in the transaction meanwhile. */
    entries(options?: ScanOptions<K>): Promise<[K, V][]>;
    count(range?: KeyRange<K>): Promise<number>;
    /** Names of the buckets inside this one, in order. */
    buckets(): Promise<string[]>;
    bucket<J = unknown, KK extends KeyKind = 'string', VK extends ValueKind = 'json'>(name: string, options?: BucketOptions<KK, VK>): TransactionBucket<KeyKinds[KK], ValueKinds<J>[VK]>;
    put(key: K, value: V, options?: Pick<PutOptions, 'ttlMs'>): Promise<void>;
    putAll(entries: Iterable<readonly [K, V]>, options?: Pick<PutOptions, 'ttlMs'>): Promise<void>;
    /** Whether it was absent, and is there now. */
    putIfAbsent(key: K, value: V, options?: Pick<PutOptions, 'ttlMs'>): Promise<boolean>;
    /** As `Bucket.compareAndSet`. */
    compareAndSet(key: K, expected: V | undefined, value: V | undefined, options?: Pick<PutOptions, 'ttlMs'>): Promise<boolean>;
    /** Whether it was there. */
    delete(key: K): Promise<boolean>;
    /** How many there were. */
    deleteRange(range: KeyRange<K>): Promise<number>;
    nextSequence(): Promise<number>;
    /** Deletes the bucket with all that is in it. Whether it was there. */
    drop(): Promise<boolean>;
}

// embed/cluster-link.ts

/** Plain data: it goes to the core's thread. */
export interface PeerOptions {
    /** HOST:PORT where this member listens for the others. */
    readonly listen: string;
    /** HOST:PORT by which the others reach it. Default: `listen`. */
    readonly advertise?: string;
    /**
     * All members that found the cluster together, this one included: the same list on each of them, as HOST:PORT, or one
     * `dns:NAME:PORT` for all addresses of a name. Without it and without `join`, an empty folder becomes a cluster of one,
     * which others may join.
     */
    readonly peers?: readonly string[];
    /** How many of `peers` must be there before they found a cluster. More than half. Default: all of them. */
    readonly expect?: number;
    /** Members of a cluster that this one is to join, with an empty folder. Instead of `peers`. */
    readonly join?: readonly string[];
    /** What all members prove to each other that they know: 16 random characters or more. */
    readonly secret: string;
    /** Talk to the other members over TLS: PEM texts. */
    readonly tls?: {
        readonly cert: string;
        readonly key: string;
        readonly ca: string;
    };
}

// embed/database.ts

export interface BatchStatement {
    readonly sql: string;
    readonly parameters?: readonly Parameter[] | NamedParameters;
}

export declare class Database {
    #private;
    readonly name: string;
    /**
     * A read, to be run as often as you like: synchronous, in this thread, in microseconds. It sees everything that this process has
     * written and been told of, and what other members wrote up to what has arrived here. Throws READ_ONLY for a statement that writes.
     */
    prepare<R = Row>(sql: string): Statement<R>;
    /** All synchronous reads inside of `read` see one state of the database. */
    snapshot<T>(read: () => T): T;
    /**
     * Yields at once, and then whenever this member's copy of the database has moved on, by whosever write: read then what is new, with
     * `prepare`. Several writes may come as one step. Ends when `signal` is aborted or the database is closed.
     */
    watch({ signal }?: {
        readonly signal?: AbortSignal;
    }): AsyncGenerator<void, void, void>;
    /** Runs one statement. A write has reached the disks of a majority when this resolves. */
    execute<R = Row>(sql: string, parameters?: readonly Parameter[] | NamedParameters, { consistency, idempotencyKey, signal, rowsAs }?: ExecuteOptions): Promise<Result<R>>;
    /** All of the statements or none of them, in one round trip. */
    batch<R = Row>(statements: readonly (string | BatchStatement)[], { idempotencyKey, signal, rowsAs }?: Omit<ExecuteOptions, 'consistency'>): Promise<Result<R>[]>;
    /**
     * A serializable transaction, committed when `work` resolves and rolled back when it rejects. Where another transaction came first,
     * `work` is run again, so it must have no effects but through its argument.
     */
    transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
    /**
     * An ordered map of keys to values, made with its first entry. The types of keys and values are told by `options`, and by the
     * first type argument where values are JSON. Throws ARGS_INVALID.
     */
    bucket<J = unknown, KK extends KeyKind = 'string', VK extends ValueKind = 'json'>(name: string, options?: BucketOptions<KK, VK>): Bucket<KeyKinds[KK], ValueKinds<J>[VK]>;
    /** Names of the outermost buckets, in order. */
    buckets(): string[];
}

export interface ExecuteOptions {
    /** Of a read: how fresh it has to be. Default `linearizable`. */
    readonly consistency?: Consistency;
    /** Makes a write safe to send again after OUTCOME_UNKNOWN: of all writes with the same key at most one is applied. */
    readonly idempotencyKey?: string;
    /** Stops the statement, if it can still be stopped; it then rejects with the signal's reason. */
    readonly signal?: AbortSignal;
    /** Form of the result's rows. With `arrays` give the type of a row as type argument, such as `Value[]`. Default `objects`. */
    readonly rowsAs?: RowForm;
}

// embed/values.ts

/** What may be bound to a parameter. `true` and `false` become 1 and 0. */
export type Parameter = Value | boolean;

/** What a row has: `bigint` only where an INTEGER is beyond 2^53 - 1. */
export type Value = null | number | bigint | string | Uint8Array;

/** Parameters of `:name`, `@name` and `$name`, by their names without the prefix. */
export type NamedParameters = Readonly<Record<string, Parameter>>;

export type Row = Record<string, Value>;

// embed/statement.ts

export declare class Statement<R = Row> {
    #private;
    readonly sql: string;
    /** Names of the columns, in order. */
    get columns(): readonly string[];
    /** The first row; undefined if there is none. */
    get(...parameters: readonly Parameter[] | readonly [object]): R | undefined;
    all(...parameters: readonly Parameter[] | readonly [object]): R[];
    /** All rows as lists of values, in the order of the columns: for results in which several columns have one name. */
    values(...parameters: readonly Parameter[] | readonly [object]): Value[][];
    /** Rows one by one, all of the state at the first of them, whatever is written meanwhile. Ends with the loop. */
    iterate(...parameters: readonly Parameter[] | readonly [object]): Generator<R, void, void>;
}

// embed/result.ts

/** As objects by column name; or as lists of values, for results in which several columns have one name. */
export type RowForm = 'objects' | 'arrays';

export interface Result<R = Row> {
    readonly rows: R[];
    /** Names of the columns, in order. */
    readonly columns: readonly string[];
    /** Rows inserted, updated or deleted. */
    readonly changes: number;
    /** The rowid of the row inserted last; null if nothing was inserted. */
    readonly lastInsertRowid: number | bigint | null;
    /** Log index of the write, or at which the read was made: a token for `{ level: 'session', index }`, here or on another member. */
    readonly index: bigint;
}

// embed/transaction.ts

export declare class Transaction {
    #private;
    /** Runs one statement. A failed one had no effect, and the transaction goes on. */
    execute<R = Row>(sql: string, parameters?: readonly Parameter[] | NamedParameters, { rowsAs }?: {
        readonly rowsAs?: RowForm;
    }): Promise<Result<R>>;
    /** The first row; undefined if there is none. */
    get<R = Row>(sql: string, parameters?: readonly Parameter[] | NamedParameters): Promise<R | undefined>;
    all<R = Row>(sql: string, parameters?: readonly Parameter[] | NamedParameters): Promise<R[]>;
    /** As `Database.bucket`: what is read and written there is part of this transaction. */
    bucket<J = unknown, KK extends KeyKind = 'string', VK extends ValueKind = 'json'>(name: string, options?: BucketOptions<KK, VK>): TransactionBucket<KeyKinds[KK], ValueKinds<J>[VK]>;
    /** Rolls back what was done since the savepoint, if `work` rejects; the transaction goes on either way. */
    savepoint<T>(work: () => Promise<T>): Promise<T>;
}

export interface TransactionOptions {
    /** `immediate` takes the database's writer at once: fewer conflicts where nearly all transactions write. Default `deferred`. */
    readonly mode?: TransactionMode;
    /** After a conflict it is run again until so much time has passed. Default 10 s; 0 runs it once. */
    readonly retryTimeoutMs?: number;
    /**
     * `false` turns foreign keys off, for a migration that rebuilds tables others refer to, as SQLite's ALTER TABLE page (section 7) tells:
     * DROP TABLE would delete what refers to its rows. Look with PRAGMA foreign_key_check before the end. Default `true`.
     */
    readonly foreignKeys?: boolean;
    /** Stops the statement under way, rolls back, and rejects with the signal's reason. */
    readonly signal?: AbortSignal;
}

// embed/link-protocol.ts

export type TransactionMode = 'deferred' | 'immediate' | 'readonly';

// embed/open.ts

/** A member inside this process. It is itself its database `default`; `database(name)` gives others. */
export declare class HarmonyDB extends Database implements AsyncDisposable {
    #private;
    /** HOST:PORT where HTTP and WebSocket clients are served; null without the option `http`. */
    get httpAddress(): string | null;
    /** HOST:PORT where PostgreSQL clients are served; null without the option `pg`. */
    get postgresAddress(): string | null;
    /** Another database of the same member or cluster. Rejects with DATABASE_NOT_FOUND. */
    database(name: string): Promise<Database>;
    databases(): Promise<readonly DatabaseInfo[]>;
    /** Rejects with DATABASE_EXISTS or DATABASE_NAME_INVALID. */
    createDatabase(name: string): Promise<Database>;
    /** Deletes the database and its file. Rejects with DATABASE_NOT_FOUND. */
    dropDatabase(name: string): Promise<void>;
    /** Finishes what was accepted, and lets go of the data folder. Nothing keeps the process alive afterwards. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens the data folder, which is made if it is missing. With `listen` and `secret` it is a member of a cluster: with an empty folder it
 * founds one with its `peers` or joins one, and this resolves when that is done; later, the folder knows. With `http` or `pg` it
 * also serves clients on the network, as `harmonydb start` does. Rejects with DATA_LOCKED
 * if another process has the folder, ADDRESS_UNAVAILABLE, MEMBERSHIP_REFUSED, ARGS_INVALID, FORMAT_TOO_NEW, DATA_CORRUPT, DISK_FULL or
 * DISK_FAILED.
 */
export declare function open(folder: string, options?: OpenOptions): Promise<HarmonyDB>;

export interface OpenOptions extends Partial<PeerOptions>, ServeOptions {
    /** What people call this member. Default: its peer address. */
    readonly name?: string;
    /** Of one statement that writes, or that is run by `execute`. Default 30 s. */
    readonly statementTimeoutMs?: number;
}

// embed/serve-options.ts

/** Plain data: it goes to the core's thread. */
export interface ServeOptions {
    /** HOST:PORT to serve HTTP and WebSocket at: the HTTP API, libSQL clients, health and metrics. Port 0 takes a free one. Default: nowhere. */
    readonly http?: string;
    /** HOST:PORT to serve PostgreSQL clients at. Port 0 takes a free one. Default: nowhere. */
    readonly pg?: string;
    /** Serve PostgreSQL clients over TLS, if they ask for it: certificate and private key as PEM. Default: they are refused it. */
    readonly pgTls?: ServerCertificate;
    /** HOST:PORT where clients reach `http`, as the cluster tells them. Default: where it is served. */
    readonly httpAdvertise?: string;
    /** HOST:PORT where clients reach `pg`, as the cluster tells them. Default: where it is served. */
    readonly pgAdvertise?: string;
    /** Network clients must bring this token, or as PostgreSQL clients this password, and may then do everything. */
    readonly authToken?: string;
    /** Network clients may bring JSON Web Tokens signed with one of these Ed25519 keys: public ones, as PEM or url-safe base64 of their 32 bytes. */
    readonly jwtKeys?: readonly string[];
    /** Serve where other machines can reach it without any authentication: everyone there can read and change everything. */
    readonly insecure?: boolean;
    /** Without authentication: web pages of these origins may use `http`, too; `*` for all. Default: pages of this machine. */
    readonly allowedOrigins?: readonly string[];
}

// serve/server-certificate.ts

/** PEM texts. */
export interface ServerCertificate {
    /** The server's own first; those of authorities between it and a root may follow. */
    readonly cert: string;
    /** Without a passphrase. */
    readonly key: string;
}
