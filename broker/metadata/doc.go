// Package metadata is what the cluster agrees on: topics, partitions, brokers, configs, producer-id blocks and features, as
// versioned records and as an immutable image built by replaying them.
//
// Nothing here does I/O, reads a clock or draws random numbers: broker/controller decides which records to write, broker/quorum
// commits them, and everybody else reads images without a lock. The bytes of a record are described in docs/formats/metadata.md.
package metadata
