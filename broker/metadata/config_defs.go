package metadata

import "math"

const unsupportedTiering = " (tiered storage is not there yet)"

// topicConfigs are sorted by name. Those marked "no effect" are accepted because tools set them and their meaning is a hint.
var topicConfigs = []ConfigDef{
	{
		Name: "cleanup.policy", Synonyms: synonyms("log.cleanup.policy"), Type: ConfigList, Default: "delete", OneOf: []string{"delete", "compact"}, MayBeEmpty: true,
		Doc: "What happens to old records: delete by time and size, compact to the newest of every key, or both.",
	},
	{Name: "compression.gzip.level", Synonyms: synonyms("compression.gzip.level"), Type: ConfigInt, Default: "-1", Doc: "Level of gzip where compression.type asks for it: 1 to 9, -1 for the library's."},
	{Name: "compression.lz4.level", Synonyms: synonyms("compression.lz4.level"), Type: ConfigInt, Default: "9", Doc: "Level of lz4 where compression.type asks for it: 1 to 17; 9 is the fast algorithm."},
	{
		Name: "compression.type", Synonyms: synonyms("compression.type"), Type: ConfigString, Default: "producer", OneOf: []string{"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"},
		Doc: "Codec of stored batches: the producer's own, or one that the broker converts to at the append.",
	},
	{Name: "compression.zstd.level", Synonyms: synonyms("compression.zstd.level"), Type: ConfigInt, Default: "3", Doc: "Level of zstd where compression.type asks for it; one of four near it is taken."},
	{
		Name: "delete.retention.ms", Synonyms: synonyms("log.cleaner.delete.retention.ms"), Type: ConfigLong, Default: "86400000", Max: math.MaxInt64,
		Doc: "How long a compacted topic keeps, after the first compaction that sees it, the record that a key was deleted.",
	},
	{Name: "file.delete.delay.ms", Synonyms: synonyms("log.segment.delete.delay.ms"), Type: ConfigLong, Default: "60000", Max: math.MaxInt64, Doc: "Time between the end of a segment by retention or DeleteRecords and its files'; deleted topics' files go at once."},
	{
		Name: "flush.messages", Synonyms: synonyms("log.flush.interval.messages"), Type: ConfigLong, Default: "9223372036854775807", Min: 1, Max: math.MaxInt64,
		Doc: "With flush.mode=interval: unsynced records after which a partition is synced at once.",
	},
	{
		Name: "flush.mode", Synonyms: synonyms("log.flush.mode"), Type: ConfigString, Default: "commit", OneOf: []string{"commit", "interval"},
		Doc: "commit: records are acknowledged and shown to consumers once they are on disk. interval: at once, synced within a second.",
	},
	{Name: "flush.ms", Synonyms: synonyms("log.flush.interval.ms", "log.flush.scheduler.interval.ms"), Type: ConfigLong, Default: "9223372036854775807", Max: math.MaxInt64, Doc: "With flush.mode=interval: longest time a record is unsynced, if less than a second."},
	{Name: "follower.replication.throttled.replicas", Type: ConfigList, Doc: "No effect on a single node."},
	{Name: "index.interval.bytes", Synonyms: synonyms("log.index.interval.bytes"), Type: ConfigInt, Default: "4096", Min: 1, Max: math.MaxInt32, Doc: "Bytes of records between two entries of the offset index."},
	{Name: "leader.replication.throttled.replicas", Type: ConfigList, Doc: "No effect on a single node."},
	{Name: "local.retention.bytes", Synonyms: synonyms("log.local.retention.bytes"), Type: ConfigLong, Default: "-2", OneOf: []string{"-2"}, Why: unsupportedTiering, Doc: "Bytes kept locally of a tiered topic."},
	{Name: "local.retention.ms", Synonyms: synonyms("log.local.retention.ms"), Type: ConfigLong, Default: "-2", OneOf: []string{"-2"}, Why: unsupportedTiering, Doc: "Time records are kept locally of a tiered topic."},
	{Name: "max.compaction.lag.ms", Synonyms: synonyms("log.cleaner.max.compaction.lag.ms"), Type: ConfigLong, Default: "9223372036854775807", Min: 1, Max: math.MaxInt64, Doc: "Longest time a record stays uncompacted; its segment is closed by then."},
	{Name: "max.message.bytes", Synonyms: synonyms("message.max.bytes"), Type: ConfigInt, Default: "1048588", Max: math.MaxInt32, Doc: "Largest record batch, after compression."},
	{
		Name: "message.timestamp.after.max.ms", Synonyms: synonyms("log.message.timestamp.after.max.ms"), Type: ConfigLong, Default: "3600000", Max: math.MaxInt64,
		Doc: "How far a producer's timestamp may lie in the future, so that a wrong clock doesn't keep segments for ever.",
	},
	{
		Name: "message.timestamp.before.max.ms", Synonyms: synonyms("log.message.timestamp.before.max.ms"), Type: ConfigLong, Default: "9223372036854775807", Max: math.MaxInt64,
		Doc: "How far a producer's timestamp may lie in the past.",
	},
	{Name: "message.timestamp.type", Synonyms: synonyms("log.message.timestamp.type"), Type: ConfigString, Default: "CreateTime", OneOf: []string{"CreateTime", "LogAppendTime"}, Doc: "Whose clock a record's timestamp is: the producer's or the broker's."},
	{Name: "min.cleanable.dirty.ratio", Synonyms: synonyms("log.cleaner.min.cleanable.ratio"), Type: ConfigDouble, Default: "0.5", Doc: "Share of uncompacted bytes, of those that can be compacted, that starts a compaction."},
	{Name: "min.compaction.lag.ms", Synonyms: synonyms("log.cleaner.min.compaction.lag.ms"), Type: ConfigLong, Default: "0", Max: math.MaxInt64, Doc: "Shortest time a record stays uncompacted; a segment waits for its newest."},
	{
		Name: "min.insync.replicas", Synonyms: synonyms("min.insync.replicas"), Type: ConfigInt, Default: "1", Min: 1, Max: math.MaxInt32,
		Doc: "Replicas in sync without which acks=all is refused; counted up to the replication factor.",
	},
	{Name: "preallocate", Synonyms: synonyms("log.preallocate"), Type: ConfigBoolean, Default: "false", Doc: "Reserves a segment's room on disk when it begins."},
	{Name: "remote.log.copy.disable", Type: ConfigBoolean, Default: "false", OneOf: []string{"false"}, Why: unsupportedTiering, Doc: "Stops copying a tiered topic."},
	{Name: "remote.log.delete.on.disable", Type: ConfigBoolean, Default: "false", OneOf: []string{"false"}, Why: unsupportedTiering, Doc: "Deletes the remote log when tiering ends."},
	{Name: "remote.storage.enable", Type: ConfigBoolean, Default: "false", OneOf: []string{"false"}, Why: unsupportedTiering, Doc: "Makes a topic tiered."},
	{Name: "retention.bytes", Synonyms: synonyms("log.retention.bytes"), Type: ConfigLong, Default: "-1", Min: -1, Max: math.MaxInt64, Doc: "Bytes a partition keeps; -1 keeps all."},
	{Name: "retention.ms", Synonyms: retentionSynonyms, Type: ConfigLong, Default: "604800000", Min: -1, Max: math.MaxInt64, Doc: "How long records are kept; -1 keeps them for ever."},
	{Name: "segment.bytes", Synonyms: synonyms("log.segment.bytes"), Type: ConfigInt, Default: "1073741824", Min: minSegmentBytes, Max: math.MaxInt32, Doc: "Size of a segment file, the unit of deletion."},
	{Name: "segment.index.bytes", Synonyms: synonyms("log.index.size.max.bytes"), Type: ConfigInt, Default: "10485760", Min: 4, Max: math.MaxInt32, Doc: "No effect: an index grows with its segment."},
	{Name: "segment.jitter.ms", Synonyms: jitterSynonyms, Type: ConfigLong, Default: "0", Max: math.MaxInt64, Doc: "Up to how much earlier than segment.ms a segment is closed, at random, so that not all are at once."},
	{Name: "segment.ms", Synonyms: rollSynonyms, Type: ConfigLong, Default: "604800000", Min: 1, Max: math.MaxInt64, Doc: "Age after which a segment is closed though it isn't full."},
	{
		Name: "unclean.leader.election.enable", Synonyms: synonyms("unclean.leader.election.enable"), Type: ConfigBoolean, Default: "false", OneOf: []string{"false"},
		Why: " (a replica that may miss acknowledged records never leads)", Doc: "Whether a replica out of sync may lead.",
	},
}

// minSegmentBytes keeps a topic of many tiny segments from exhausting file descriptors; Kafka's own tests use 14.
const minSegmentBytes = 14

// MaxPartitionsPerTopic bounds one topic, so that a mistyped number doesn't make a million of them.
const MaxPartitionsPerTopic = 10000
