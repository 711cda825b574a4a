// Package broker puts a broker together and takes it apart.
//
// Start brings up, in this order: the metadata quorum (which applies what was agreed), this broker's registration and the internal
// topics, the partitions, the coordinators, and last the listener. Close runs the reverse, so that nothing is acknowledged
// after the logs were closed.
//
// The data directory holds
//
//	metadata/             Pebble: raft's log, votes and snapshots (docs/formats/metadata.md)
//	topics/<topic>-<n>/   one directory a partition, in Kafka's own files (docs/formats/log.md)
//	topics/meta.properties, topics/.kafka_cleanshutdown
//
// The lock against a second process on the directory is the server's.
package broker
