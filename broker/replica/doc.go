// Package replica holds the partitions of this node: it appends, reads, moves the high watermark and applies what the cluster
// agrees on.
//
// A partition's log is opened at its first use, so a node with thousands of partitions starts at once. On a partition with
// flush.mode=commit the high watermark is the end of the last sync round: what a consumer has seen, and what acks=all has
// promised, is on disk. With flush.mode=interval it is the end of the log.
//
// Nothing here owns a goroutine per request: an append's answer comes from the log's elected appender or the syncer's round, and
// a parked fetch is a list entry until a readable end moves.
//
// Locks, in order: fetch.mu, Partition.openMu, Manager.mu, Partition.mu, Partition.watchMu. Callbacks run without any but
// watchMu.
package replica
