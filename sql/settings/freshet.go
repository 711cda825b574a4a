package settings

import (
	"math"
	"time"
)

// The names of our own settings, for those who read them.
const (
	EmitIntermediate = "emit_intermediate"
	AutoOffsetReset  = "auto_offset_reset"
	ImplicitFlush    = "implicit_flush"
	CommitInterval   = "commit_interval"
	StatementTimeout = "statement_timeout"
	TimeZone         = "TimeZone"
	KeyFormat        = "default_key_format"
	ValueFormat      = "default_value_format"
	WrapSingleValues = "wrap_single_values"
	TopicPrefix      = "output_topic_prefix"
	ThrowOnTimestamp = "fail_on_invalid_timestamp"
	FailOnBadRecords = "fail_on_deserialization_error"
	TableScan        = "pull_table_scan"
	CollectListLimit = "collect_list_limit"
	CollectSetLimit  = "collect_set_limit"
)

// freshetSettings are our own.
func freshetSettings() []Setting {
	return []Setting{
		{
			Name: EmitIntermediate, Kind: Bool, Default: "off", Query: true, Category: categoryQuery,
			Help: "A query emits every change of a group, not only the net change of each commit.",
		},
		{
			Name: AutoOffsetReset, Aliases: []string{"auto.offset.reset", "ksql.streams.auto.offset.reset"}, Kind: Enum, Default: "earliest",
			Options: []string{"earliest", "latest"}, Query: true, Category: categoryQuery, Help: "Where a new query begins to read its sources.",
		},
		{
			Name: ImplicitFlush, Aliases: []string{"rw_implicit_flush"}, Kind: Bool, Default: "off", Category: categoryQuery,
			Help: "INSERT, UPDATE and DELETE return only when the views that depend on them show their effect.",
		},
		{
			Name: CommitInterval, Aliases: []string{"commit.interval.ms", "ksql.streams.commit.interval.ms"}, Kind: Time, Unit: time.Millisecond,
			Min: 1, Max: mostMilliseconds, Default: "100", Query: true, Category: categoryQuery, Help: "Longest time between commits of a query under load.",
		},
		{
			Name: KeyFormat, Aliases: []string{"ksql.persistence.default.format.key"}, Default: "KAFKA", Query: true, Category: categoryQuery,
			Help: "Format of keys of a topic whose statement names none.",
		},
		{
			Name: ValueFormat, Aliases: []string{"ksql.persistence.default.format.value"}, Default: "JSON", Query: true, Category: categoryQuery,
			Help: "Format of values of a topic whose statement names none.",
		},
		{
			Name: WrapSingleValues, Aliases: []string{"ksql.persistence.wrap.single.values"}, Kind: Enum, Default: "", Options: []string{"", "true", "false"},
			Query: true, Category: categoryQuery, Help: "A single value column is a record with one field. Empty: as the format has it.",
		},
		{
			Name: TopicPrefix, Aliases: []string{"ksql.output.topic.name.prefix"}, Default: "", Query: true, Category: categoryQuery,
			Help: "What the names of topics of new streams and tables begin with.",
		},
		{
			Name: ThrowOnTimestamp, Aliases: []string{"ksql.timestamp.throw.on.invalid"}, Kind: Bool, Default: "off", Query: true, Category: categoryQuery,
			Help: "A record whose timestamp makes no sense stops its query.",
		},
		{
			Name: FailOnBadRecords, Aliases: []string{"ksql.fail.on.deserialization.error"}, Kind: Bool, Default: "off", Query: true, Category: categoryQuery,
			Help: "A record that cannot be read stops its query.",
		},
		{
			Name: TableScan, Aliases: []string{"ksql.query.pull.table.scan.enabled"}, Kind: Bool, Default: "on", Category: categoryQuery,
			Help: "A SELECT may read all rows of a table.",
		},
		{
			Name: CollectListLimit, Aliases: []string{"ksql.functions.collect_list.limit"}, Kind: Int, Min: 0, Max: math.MaxInt32, Default: "0",
			Query: true, Category: categoryQuery, Help: "Elements COLLECT_LIST keeps; 0 for no limit.",
		},
		{
			Name: CollectSetLimit, Aliases: []string{"ksql.functions.collect_set.limit"}, Kind: Int, Min: 0, Max: math.MaxInt32, Default: "0",
			Query: true, Category: categoryQuery, Help: "Elements COLLECT_SET keeps; 0 for no limit.",
		},
	}
}

// ksqlSettings are settings of ksqlDB and RisingWave that change nothing here but that scripts set.
func ksqlSettings() []Setting {
	const anything = ""
	var list []Setting
	for _, name := range []string{
		"ksql.create.or.replace.enabled", "ksql.lambdas.enabled", "ksql.headers.columns.enabled", "ksql.source.table.materialization.enabled",
		"ksql.variable.substitution.enable", "ksql.insert.into.values.enabled", "ksql.suppress.enabled", "ksql.query.pull.range.scan.enabled",
		"ksql.query.pull.stream.enabled", "ksql.query.pull.limit.clause.enabled", "ksql.query.pull.interpreter.enabled",
		"ksql.query.push.v2.enabled", "ksql.new.query.planner.enabled", "ksql.fail.on.production.error", "ksql.query.pull.enable.standby.reads",
		"ksql.query.pull.max.allowed.offset.lag", "ksql.query.persistent.active.limit", "ksql.sink.partitions", "ksql.sink.replicas",
		"ksql.windowed.session.key.legacy", "ksql.functions.substring.legacy.args", "ksql.streams.num.stream.threads",
		"ksql.streams.cache.max.bytes.buffering", "ksql.streams.processing.guarantee", "ksql.streams.num.standby.replicas",
		"ksql.streams.max.task.idle.ms", "ksql.streams.__emit.interval.ms.kstreams.windowed.aggregation__", "ksql.schema.registry.url",
		"ksql.service.id", "cache.max.bytes.buffering", "processing.guarantee", "streaming_parallelism", "batch_parallelism", "query_mode",
		"visibility_mode", "upsert_dml", "streaming_join_encoding", "rw_streaming_enable_delta_join", "rw_streaming_over_window_cache_policy",
		"rw_streaming_allow_jsonb_in_stream_key", "streaming_asof_join_use_cache", "streaming_enable_unaligned_join",
	} {
		list = append(list, Setting{Name: name, Default: anything, Category: categoryKsql, Help: "Has no effect."})
	}
	return list
}
