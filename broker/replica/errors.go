package replica

import "errors"

// Errors that callers branch on, besides those of storage/log and storage/record, which pass through.
var (
	// ErrUnknownPartition: no such topic or partition in the image (UNKNOWN_TOPIC_OR_PARTITION).
	ErrUnknownPartition = errors.New("unknown topic or partition")
	// ErrUnknownTopicID: no topic of that id in the image (UNKNOWN_TOPIC_ID).
	ErrUnknownTopicID = errors.New("unknown topic id")
	// ErrNotLeader: another node leads the partition (NOT_LEADER_OR_FOLLOWER).
	ErrNotLeader = errors.New("this node does not lead the partition")
	// ErrFencedLeaderEpoch: the caller knows an older leader epoch (FENCED_LEADER_EPOCH).
	ErrFencedLeaderEpoch = errors.New("leader epoch is older than the partition's")
	// ErrUnknownLeaderEpoch: the caller knows a newer leader epoch (UNKNOWN_LEADER_EPOCH).
	ErrUnknownLeaderEpoch = errors.New("leader epoch is newer than the partition's")
	// ErrNotEnoughReplicas: acks=all asks for more replicas in sync than there are (NOT_ENOUGH_REPLICAS).
	ErrNotEnoughReplicas = errors.New("fewer replicas in sync than min.insync.replicas")
	// ErrTimedOut: the append is in the log, but was not acknowledged in time (REQUEST_TIMED_OUT).
	ErrTimedOut = errors.New("append was not acknowledged in time")
	// ErrStorage: the partition's log can't be opened or its disk is dead (KAFKA_STORAGE_ERROR).
	ErrStorage = errors.New("partition's storage failed")
)
