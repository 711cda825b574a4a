// Package state is the keyed state of a task: pointer-free hash tables and arenas in memory, undo lists for aborts and for
// reads as of a commit, dirty entries out to the changelog at commit, dumps for fast restart.
//
// A Store holds the tables of one query. A table is cut into Groups hash groups by our own hash of the key, and each group has its
// own open-addressing table, allocated at its first key and growing alone. Tables keyed by a window start are further cut into buckets of
// event time, dropped whole when their windows are over.
//
// Epochs: every change belongs to the open epoch. The first change of a key in an epoch keeps the key's old value in the undo list. DirtyInto
// seals the open epoch; Committed says that a sealed epoch is durable; Rollback returns to the last committed one. Several sealed epochs may
// wait for their commit. A Snapshot reads as of the commit at which it was pinned, through the undo lists, while the task runs on.
//
// Locking: one mutex a store, the chunk lock. The task holds it (Lock, Unlock) while it pushes a chunk, advances time or passes a barrier through
// its operators, which call the methods of Table and RowTable under it. All other methods of Store and all of Snapshot take it themselves, shortly,
// and must be called without it. No reader ever holds a table's memory outside the lock: scans copy a group at a time.
//
// The bytes of changelog records and dumps are described in docs/formats/state.md.
package state
