package metadata

import "math"

const unsupportedTiering = " (tiered storage is not there yet)"

// topicConfigs are sorted by name. Those marked "no effect" are accepted because tools set them and their meaning is a hint.
var topicConfigs = []ConfigDef{
	{
		Name: "cleanup.policy", Type: ConfigList, Default: "delete", OneOf: []string{"delete", "compact"},
		Doc: "What happens to old records: delete by time and size, or keep the newest of every key. Compaction is not done yet: compacted topics keep everything.",
	},
	{Name: "compression.gzip.level", Type: ConfigInt, Default: "-1", Doc: "No effect: batches keep their producer's compression."},
	{Name: "compression.lz4.level", Type: ConfigInt, Default: "9", Doc: "No effect: batches keep their producer's compression."},
	{
		Name: "compression.type", Type: ConfigString, Default: "producer", OneOf: []string{"producer"},
		Why: " (batches keep their producer's compression)", Doc: "Codec of stored batches; only the producer's own.",
	},
	{Name: "compression.zstd.level", Type: ConfigInt, Default: "3", Doc: "No effect: batches keep their producer's compression."},
	{
		Name: "delete.retention.ms", Type: ConfigLong, Default: "86400000", Max: math.MaxInt64,
		Doc: "How long a compacted topic keeps the record that a key was deleted.",
	},
	{Name: "file.delete.delay.ms", Type: ConfigLong, Default: "60000", Max: math.MaxInt64, Doc: "No effect: files are unlinked when their last reader leaves."},
	{
		Name: "flush.messages", Type: ConfigLong, Default: "9223372036854775807", Min: 1, Max: math.MaxInt64,
		Doc: "No effect: see flush.mode, which syncs every acknowledged record by default.",
	},
	{
		Name: "flush.mode", Type: ConfigString, Default: "commit", OneOf: []string{"commit", "interval"},
		Doc: "commit: records are acknowledged and shown to consumers once they are on disk. interval: at once, synced within a second.",
	},
	{Name: "flush.ms", Type: ConfigLong, Default: "9223372036854775807", Max: math.MaxInt64, Doc: "No effect: see flush.mode."},
	{Name: "follower.replication.throttled.replicas", Type: ConfigList, Doc: "No effect on a single node."},
	{Name: "index.interval.bytes", Type: ConfigInt, Default: "4096", Min: 1, Max: math.MaxInt32, Doc: "Bytes of records between two entries of the offset index."},
	{Name: "leader.replication.throttled.replicas", Type: ConfigList, Doc: "No effect on a single node."},
	{Name: "local.retention.bytes", Type: ConfigLong, Default: "-2", OneOf: []string{"-2"}, Why: unsupportedTiering, Doc: "Bytes kept locally of a tiered topic."},
	{Name: "local.retention.ms", Type: ConfigLong, Default: "-2", OneOf: []string{"-2"}, Why: unsupportedTiering, Doc: "Time records are kept locally of a tiered topic."},
	{Name: "max.compaction.lag.ms", Type: ConfigLong, Default: "9223372036854775807", Min: 1, Max: math.MaxInt64, Doc: "Longest time a record stays uncompacted."},
	{Name: "max.message.bytes", Type: ConfigInt, Default: "1048588", Max: math.MaxInt32, Doc: "Largest record batch, after compression."},
	{
		Name: "message.timestamp.after.max.ms", Type: ConfigLong, Default: "3600000", Max: math.MaxInt64,
		Doc: "How far a producer's timestamp may lie in the future, so that a wrong clock doesn't keep segments for ever.",
	},
	{
		Name: "message.timestamp.before.max.ms", Type: ConfigLong, Default: "9223372036854775807", Max: math.MaxInt64,
		Doc: "How far a producer's timestamp may lie in the past.",
	},
	{Name: "message.timestamp.type", Type: ConfigString, Default: "CreateTime", OneOf: []string{"CreateTime", "LogAppendTime"}, Doc: "Whose clock a record's timestamp is: the producer's or the broker's."},
	{Name: "min.cleanable.dirty.ratio", Type: ConfigDouble, Default: "0.5", Doc: "Share of uncompacted bytes that starts a compaction."},
	{Name: "min.compaction.lag.ms", Type: ConfigLong, Default: "0", Max: math.MaxInt64, Doc: "Shortest time a record stays uncompacted."},
	{
		Name: "min.insync.replicas", Type: ConfigInt, Default: "1", Min: 1, Max: math.MaxInt32,
		Doc: "Replicas in sync without which acks=all is refused; counted up to the replication factor.",
	},
	{Name: "preallocate", Type: ConfigBoolean, Default: "false", Doc: "No effect: segments grow as they are written."},
	{Name: "remote.log.copy.disable", Type: ConfigBoolean, Default: "false", OneOf: []string{"false"}, Why: unsupportedTiering, Doc: "Stops copying a tiered topic."},
	{Name: "remote.log.delete.on.disable", Type: ConfigBoolean, Default: "false", OneOf: []string{"false"}, Why: unsupportedTiering, Doc: "Deletes the remote log when tiering ends."},
	{Name: "remote.storage.enable", Type: ConfigBoolean, Default: "false", OneOf: []string{"false"}, Why: unsupportedTiering, Doc: "Makes a topic tiered."},
	{Name: "retention.bytes", Type: ConfigLong, Default: "-1", Min: -1, Max: math.MaxInt64, Doc: "Bytes a partition keeps; -1 keeps all."},
	{Name: "retention.ms", Type: ConfigLong, Default: "604800000", Min: -1, Max: math.MaxInt64, Doc: "How long records are kept; -1 keeps them for ever."},
	{Name: "segment.bytes", Type: ConfigInt, Default: "1073741824", Min: minSegmentBytes, Max: math.MaxInt32, Doc: "Size of a segment file, the unit of deletion."},
	{Name: "segment.index.bytes", Type: ConfigInt, Default: "10485760", Min: 4, Max: math.MaxInt32, Doc: "No effect: an index grows with its segment."},
	{Name: "segment.jitter.ms", Type: ConfigLong, Default: "0", Max: math.MaxInt64, Doc: "No effect."},
	{Name: "segment.ms", Type: ConfigLong, Default: "604800000", Min: 1, Max: math.MaxInt64, Doc: "Age after which a segment is closed though it isn't full."},
	{
		Name: "unclean.leader.election.enable", Type: ConfigBoolean, Default: "false", OneOf: []string{"false"},
		Why: " (a replica that may miss acknowledged records never leads)", Doc: "Whether a replica out of sync may lead.",
	},
}

// minSegmentBytes keeps a topic of many tiny segments from exhausting file descriptors; Kafka's own tests use 14.
const minSegmentBytes = 14

// brokerConfigs are sorted by name.
var brokerConfigs = []ConfigDef{
	{Name: "auto.create.topics.enable", Type: ConfigBoolean, Default: "true", ReadOnly: true, Doc: "Whether asking for a missing topic makes it."},
	{Name: "broker.id", Type: ConfigInt, Default: "1", ReadOnly: true, Doc: "This node's number; the same as node.id."},
	{Name: "compression.type", Type: ConfigString, Default: "producer", ReadOnly: true, Doc: "Codec of stored batches: the producer's own."},
	{Name: "default.replication.factor", Type: ConfigInt, Default: "1", ReadOnly: true, Doc: "Replicas of topics that don't say."},
	{Name: "follower.replication.throttled.rate", Type: ConfigLong, Default: "9223372036854775807", Max: math.MaxInt64, Doc: "No effect on a single node."},
	{Name: "group.initial.rebalance.delay.ms", Type: ConfigInt, Default: "0", ReadOnly: true, Doc: "How long a new group waits for more members."},
	{Name: "leader.replication.throttled.rate", Type: ConfigLong, Default: "9223372036854775807", Max: math.MaxInt64, Doc: "No effect on a single node."},
	{Name: "log.message.timestamp.type", Type: ConfigString, Default: "CreateTime", ReadOnly: true, Doc: "Default of message.timestamp.type."},
	{Name: "log.retention.bytes", Type: ConfigLong, Default: "-1", ReadOnly: true, Doc: "Default of retention.bytes."},
	{Name: "log.retention.ms", Type: ConfigLong, Default: "604800000", ReadOnly: true, Doc: "Default of retention.ms."},
	{Name: "log.segment.bytes", Type: ConfigInt, Default: "1073741824", ReadOnly: true, Doc: "Default of segment.bytes."},
	{Name: "message.max.bytes", Type: ConfigInt, Default: "1048588", ReadOnly: true, Doc: "Default of max.message.bytes."},
	{Name: "min.insync.replicas", Type: ConfigInt, Default: "1", ReadOnly: true, Doc: "Default of the topics' min.insync.replicas."},
	{Name: "node.id", Type: ConfigInt, Default: "1", ReadOnly: true, Doc: "This node's number."},
	{Name: "num.partitions", Type: ConfigInt, Default: "1", Min: 1, Max: MaxPartitionsPerTopic, Doc: "Partitions of topics that don't say."},
	{Name: "offsets.topic.num.partitions", Type: ConfigInt, Default: "16", ReadOnly: true, Doc: "Partitions of __consumer_offsets."},
	{Name: "replica.alter.log.dirs.io.max.bytes.per.second", Type: ConfigLong, Default: "9223372036854775807", Max: math.MaxInt64, Doc: "No effect: there is one directory."},
	{Name: "socket.request.max.bytes", Type: ConfigInt, Default: "104857600", ReadOnly: true, Doc: "Largest request."},
	{Name: "transaction.state.log.num.partitions", Type: ConfigInt, Default: "16", ReadOnly: true, Doc: "Partitions of __transaction_state."},
}

// MaxPartitionsPerTopic bounds one topic, so that a mistyped number doesn't make a million of them.
const MaxPartitionsPerTopic = 10000
