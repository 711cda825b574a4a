package metadata

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Names of broker configs that code refers to.
const (
	ConfigAllowWithoutACL         = "allow.everyone.if.no.acl.found"
	ConfigAuthBytesMax            = "sasl.server.max.receive.size"
	ConfigAuthFailDelayMs         = "connection.failed.authentication.delay.ms"
	ConfigAutoCreateTopics        = "auto.create.topics.enable"
	ConfigBrokerID                = "broker.id"
	ConfigCleanerDedupeBytes      = "log.cleaner.dedupe.buffer.size"
	ConfigCleanerBackoffMs        = "log.cleaner.backoff.ms"
	ConfigCleanerBytesPerSecond   = "log.cleaner.io.max.bytes.per.second"
	ConfigCleanerEnable           = "log.cleaner.enable"
	ConfigConnectionRate          = "max.connection.creation.rate"
	ConfigConnectionsMax          = "max.connections"
	ConfigConnectionsPerIP        = "max.connections.per.ip"
	ConfigConnectionsPerIPOver    = "max.connections.per.ip.overrides"
	ConfigConsumerAssignors       = "group.consumer.assignors"
	ConfigConsumerGroupMax        = "group.consumer.max.size"
	ConfigConsumerHeartbeatMs     = "group.consumer.heartbeat.interval.ms"
	ConfigConsumerHeartbeatMsMax  = "group.consumer.max.heartbeat.interval.ms"
	ConfigConsumerHeartbeatMsMin  = "group.consumer.min.heartbeat.interval.ms"
	ConfigConsumerMigration       = "group.consumer.migration.policy"
	ConfigConsumerSessionMs       = "group.consumer.session.timeout.ms"
	ConfigConsumerSessionMsMax    = "group.consumer.max.session.timeout.ms"
	ConfigConsumerSessionMsMin    = "group.consumer.min.session.timeout.ms"
	ConfigControllerQuotaSeconds  = "controller.quota.window.size.seconds"
	ConfigControllerQuotaWindows  = "controller.quota.window.num"
	ConfigDefaultReplicas         = "default.replication.factor"
	ConfigDeleteTopicEnable       = "delete.topic.enable"
	ConfigFetchBytesMax           = "fetch.max.bytes"
	ConfigFetchSessions           = "max.incremental.fetch.session.cache.slots"
	ConfigGroupMax                = "group.max.size"
	ConfigGroupRebalanceDelayMs   = "group.initial.rebalance.delay.ms"
	ConfigGroupSessionMsMax       = "group.max.session.timeout.ms"
	ConfigGroupSessionMsMin       = "group.min.session.timeout.ms"
	ConfigIdleMs                  = "connections.max.idle.ms"
	ConfigMechanisms              = "sasl.enabled.mechanisms"
	ConfigNodeID                  = "node.id"
	ConfigNumPartitions           = "num.partitions"
	ConfigOffsetMetadataMax       = "offset.metadata.max.bytes"
	ConfigOffsetsPartitions       = "offsets.topic.num.partitions"
	ConfigOffsetsRetentionMinutes = "offsets.retention.minutes"
	ConfigPartitionsPerRequest    = "max.request.partition.size.limit"
	ConfigProducerExpiryMs        = "producer.id.expiration.ms"
	ConfigQuotaSeconds            = "quota.window.size.seconds"
	ConfigQuotaWindows            = "quota.window.num"
	ConfigReauthMs                = "connections.max.reauth.ms"
	ConfigRequestBytesMax         = "socket.request.max.bytes"
	ConfigRequestMemory           = "queued.max.request.bytes"
	ConfigRetentionCheckMs        = "log.retention.check.interval.ms"
	ConfigSuperUsers              = "super.users"
	ConfigTransactionMsMax        = "transaction.max.timeout.ms"
	ConfigTransactionAbortMs      = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
	ConfigTransactionalIDCheckMs  = "transaction.remove.expired.transaction.cleanup.interval.ms"
	ConfigTransactionalIDExpiryMs = "transactional.id.expiration.ms"
	ConfigTransactionPartitions   = "transaction.state.log.num.partitions"
	ConfigTransactionVerify       = "transaction.partition.verification.enable"
)

const (
	minuteMillis = 60 * 1000
	hourMillis   = 60 * minuteMillis
)

// The families of broker configs that say one thing in several units.
var (
	retentionSynonyms = []Synonym{{Name: "log.retention.ms"}, {Name: "log.retention.minutes", Factor: minuteMillis}, {Name: "log.retention.hours", Factor: hourMillis}}
	rollSynonyms      = []Synonym{{Name: "log.roll.ms"}, {Name: "log.roll.hours", Factor: hourMillis}}
	jitterSynonyms    = []Synonym{{Name: "log.roll.jitter.ms"}, {Name: "log.roll.jitter.hours", Factor: hourMillis}}
)

func synonyms(names ...string) []Synonym {
	out := make([]Synonym, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

// brokerConfigs are all configs of brokers, by name: those with an effect, the topics' defaults and those only accepted.
var brokerConfigs = makeBrokerConfigs()

func makeBrokerConfigs() []ConfigDef {
	defs := slices.Concat(nodeConfigs, listenerConfigs, groupDefaults, factConfigs, acceptedConfigs())
	for i := range topicConfigs {
		defs = append(defs, topicDefaultDefs(&topicConfigs[i])...)
	}
	slices.SortFunc(defs, func(a, b ConfigDef) int { return strings.Compare(a.Name, b.Name) })
	return defs
}

// topicDefaultDefs are the broker configs behind a topic config: they read as it does, the coarser units of a family apart.
func topicDefaultDefs(topic *ConfigDef) []ConfigDef {
	var out []ConfigDef
	for i, s := range topic.Synonyms {
		def := *topic
		def.Name, def.Synonyms = s.Name, nil
		def.Doc = "Default of the topics' " + topic.Name + "."
		if strings.HasPrefix(topic.Doc, noEffect) {
			def.Doc = topic.Doc
		}
		switch {
		case s.Factor != 0:
			def.Type, def.ReadOnly, def.NoDefault = ConfigInt, true, i < len(topic.Synonyms)-1
			def.Min, def.Max, def.Default = min(topic.Min, 0), math.MaxInt32, familyDefaults[s.Name]
			def.Doc = "Default of the topics' " + topic.Name + " in a larger unit; " + topic.Synonyms[0].Name + " comes first."
		case len(topic.Synonyms) > 1 && i == 0:
			def.Synonyms, def.NoDefault, def.Default = topic.Synonyms, true, ""
		}
		out = append(out, def)
	}
	return out
}

// familyDefaults are the values of the last ones of families.
var familyDefaults = map[string]string{"log.retention.hours": "168", "log.roll.hours": "168", "log.roll.jitter.hours": "0"}

// noEffect begins the Doc of configs that change nothing.
const noEffect = "No effect"

// nodeConfigs have an effect on the node, its listeners, topics, quotas and background work.
var nodeConfigs = []ConfigDef{
	{Name: "advertised.listeners", Type: ConfigList, NoDefault: true, ReadOnly: true, Doc: "Where clients are told to find this broker; the node's own options say it."},
	{Name: ConfigAllowWithoutACL, Type: ConfigBoolean, Default: "false", ReadOnly: true, Doc: "Whether everybody may do what no ACL at all is about."},
	{Name: ConfigAutoCreateTopics, Type: ConfigBoolean, Default: "true", Doc: "Whether asking for a missing topic makes it."},
	{Name: ConfigBrokerID, Type: ConfigInt, Default: "1", ReadOnly: true, Doc: "This node's number; the same as node.id."},
	{Name: ConfigIdleMs, Type: ConfigLong, Default: "600000", ReadOnly: true, Min: 1000, Max: math.MaxInt64, Doc: "Time after which a connection nothing arrives on is closed."},
	{Name: ConfigReauthMs, Type: ConfigLong, Default: "0", ReadOnly: true, Max: math.MaxInt64, Doc: "Time after which a SASL client must authenticate again; 0 asks it once."},
	{Name: ConfigControllerQuotaWindows, Type: ConfigInt, Default: "11", Min: 1, Max: maxQuotaWindows, Doc: "Windows a controller_mutation_rate may be saved up in."},
	{Name: ConfigControllerQuotaSeconds, Type: ConfigInt, Default: "1", Min: 1, Max: maxQuotaSeconds, Doc: "Seconds of each of them."},
	{Name: ConfigDefaultReplicas, Type: ConfigInt, Default: "1", Min: 1, Max: math.MaxInt16, Doc: "Replicas of topics that don't say."},
	{Name: ConfigDeleteTopicEnable, Type: ConfigBoolean, Default: "true", Doc: "Whether topics may be deleted."},
	{Name: ConfigFetchBytesMax, Type: ConfigInt, Default: "57671680", ReadOnly: true, Min: 1024, Max: math.MaxInt32 / 2, Doc: "Most bytes of records one Fetch answers, whatever it asks for."},
	{Name: "listeners", Type: ConfigList, Default: "PLAINTEXT://localhost:9092", ReadOnly: true, Doc: "Where this broker listens; the node's own options say it."},
	{Name: "log.dirs", Type: ConfigList, NoDefault: true, ReadOnly: true, Doc: "Where the partitions are; below the node's data directory."},
	{Name: ConfigRetentionCheckMs, Type: ConfigLong, Default: "30000", ReadOnly: true, Min: 1, Max: math.MaxInt64, Doc: "Time between two looks for segments past their retention."},
	{Name: ConfigConnectionRate, Type: ConfigInt, Default: "2147483647", Min: 1, Max: math.MaxInt32, Doc: "Most connections accepted a second."},
	{Name: ConfigConnectionsMax, Type: ConfigInt, Default: "2147483647", Min: 1, Max: math.MaxInt32, Doc: "Most connections at a time; more are closed at once."},
	{Name: ConfigConnectionsPerIP, Type: ConfigInt, Default: "2147483647", Min: 1, Max: math.MaxInt32, Doc: "Most connections at a time from one address."},
	{Name: ConfigConnectionsPerIPOver, Type: ConfigString, Form: checkOverrides, Doc: "Other limits for single addresses: 127.0.0.1:10,10.0.0.7:100."},
	{Name: ConfigFetchSessions, Type: ConfigInt, Default: "1000", ReadOnly: true, Max: 1 << 20, Doc: "Fetch sessions kept for clients; those without one name their partitions in every request."},
	{Name: ConfigPartitionsPerRequest, Type: ConfigInt, Default: "2000", Min: 1, Max: math.MaxInt32, Doc: "Most partitions of one answer of DescribeTopicPartitions."},
	{Name: ConfigNodeID, Type: ConfigInt, Default: "1", ReadOnly: true, Doc: "This node's number."},
	{Name: ConfigNumPartitions, Type: ConfigInt, Default: "1", Min: 1, Max: MaxPartitionsPerTopic, Doc: "Partitions of topics that don't say."},
	{Name: "process.roles", Type: ConfigList, Default: "broker,controller", ReadOnly: true, Doc: "Every node is both."},
	{Name: ConfigQuotaWindows, Type: ConfigInt, Default: "11", Min: 2, Max: maxQuotaWindows, Doc: "Windows the rates of client quotas are measured over."},
	{Name: ConfigQuotaSeconds, Type: ConfigInt, Default: "1", Min: 1, Max: maxQuotaSeconds, Doc: "Seconds of each of them."},
	{Name: ConfigRequestBytesMax, Type: ConfigInt, Default: "104857600", ReadOnly: true, Min: 1024, Max: math.MaxInt32, Doc: "Largest request."},
	{Name: ConfigOffsetsPartitions, Type: ConfigInt, Default: "16", ReadOnly: true, Min: 1, Max: MaxPartitionsPerTopic, Doc: "Partitions of __consumer_offsets when the cluster is made."},
	{Name: ConfigSuperUsers, Type: ConfigString, Default: "User:ANONYMOUS", ReadOnly: true, Doc: "Who may do everything, as User:alice;User:bob. ANONYMOUS is whoever does not have to say who they are."},
	{Name: ConfigTransactionPartitions, Type: ConfigInt, Default: "16", ReadOnly: true, Min: 1, Max: MaxPartitionsPerTopic, Doc: "Partitions of __transaction_state when the cluster is made."},
}

// checkOverrides holds that a text is a list of addresses with numbers.
func checkOverrides(value string) error {
	for _, word := range SplitList(value) {
		host, text, err := net.SplitHostPort(word)
		n, bad := strconv.ParseInt(text, 10, 32)
		if err != nil || host == "" || bad != nil || n < 0 {
			return fmt.Errorf("is a list of ADDRESS:NUMBER, and %q is not one", word)
		}
	}
	return nil
}

// listenerConfigs are about clients before and while they are served.
var listenerConfigs = []ConfigDef{
	{Name: ConfigAuthFailDelayMs, Type: ConfigInt, Default: "100", ReadOnly: true, Max: math.MaxInt32, Doc: "Pause before a client is told that its authentication failed."},
	{Name: ConfigMechanisms, Type: ConfigList, Default: "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", ReadOnly: true, OneOf: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, Why: " (there are no others)", Doc: "SASL mechanisms clients may use; all of them check the same passwords."},
	{Name: ConfigAuthBytesMax, Type: ConfigInt, Default: "65536", ReadOnly: true, Min: 1024, Max: math.MaxInt32, Doc: "Largest request of a client that has not authenticated."},
	{Name: ConfigRequestMemory, Type: ConfigLong, Default: "268435456", ReadOnly: true, Min: 1 << 20, Max: math.MaxInt64, Doc: "Memory of all requests being read or served, and of what they are decoded to; one of socket.request.max.bytes always has room. Kafka's default, -1, bounds nothing."},
}

// factConfigs say what a node is: tools read them, nobody can set them to anything else.
var factConfigs = []ConfigDef{
	{Name: "group.coordinator.rebalance.protocols", Type: ConfigList, Default: "classic,consumer", ReadOnly: true, Form: fixed("classic,consumer"), Doc: "The protocols of groups that are served."},
	{Name: "listener.security.protocol.map", Type: ConfigString, Default: protocolMap, ReadOnly: true, Form: fixed(protocolMap), Doc: "Listeners are called by what they ask of clients."},
	{Name: "metadata.log.dir", Type: ConfigString, NoDefault: true, ReadOnly: true, Doc: "Where the cluster's metadata are; below the node's data directory."},
	{Name: "offsets.topic.compression.codec", Type: ConfigInt, Default: "0", ReadOnly: true, OneOf: []string{"0"}, Why: " (internal topics are not compressed)", Doc: "Codec of __consumer_offsets."},
	{Name: "remote.log.storage.system.enable", Type: ConfigBoolean, Default: "false", ReadOnly: true, OneOf: []string{"false"}, Why: unsupportedTiering, Doc: "Whether topics can be tiered."},
	{Name: "transaction.two.phase.commit.enable", Type: ConfigBoolean, Default: "false", ReadOnly: true, OneOf: []string{"false"}, Why: " (KIP-939 is not there)", Doc: "Whether transactions can be part of somebody else's."},
}

const protocolMap = "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"

// fixed is the form of a text that can only be what it is.
func fixed(text string) func(string) error {
	return func(value string) error {
		if value != text {
			return fmt.Errorf("is %s and can't be changed to %q", text, value)
		}
		return nil
	}
}

// The bounds of quota windows keep what is measured for one client small.
const (
	maxQuotaWindows = 100
	maxQuotaSeconds = 3600
)

// groupDefaults are the configs of coordinators.
var groupDefaults = []ConfigDef{
	{Name: ConfigConsumerAssignors, Type: ConfigList, Default: "uniform,range", ReadOnly: true, OneOf: []string{"uniform", "range"}, Doc: "Assignors of consumer groups that are assigned by the broker; the first is taken where the members don't say."},
	{Name: ConfigConsumerHeartbeatMs, Type: ConfigInt, Default: "5000", Min: 1, Max: math.MaxInt32, Doc: "Time between two heartbeats of members of consumer groups (KIP-848)."},
	{Name: ConfigConsumerHeartbeatMsMax, Type: ConfigInt, Default: "15000", Min: 1, Max: math.MaxInt32, Doc: "Most a group's consumer.heartbeat.interval.ms may be."},
	{Name: ConfigConsumerSessionMsMax, Type: ConfigInt, Default: "60000", Min: 1, Max: math.MaxInt32, Doc: "Most a group's consumer.session.timeout.ms may be."},
	{Name: ConfigConsumerGroupMax, Type: ConfigInt, Default: "10000", Min: 1, Max: math.MaxInt32, Doc: "Most members of a consumer group (KIP-848)."},
	{Name: ConfigConsumerMigration, Type: ConfigString, Default: "bidirectional", OneOf: []string{"bidirectional", "upgrade", "downgrade", "disabled"}, Doc: "Whether groups may change between the classic and the consumer protocol while they have members."},
	{Name: ConfigConsumerHeartbeatMsMin, Type: ConfigInt, Default: "5000", Min: 1, Max: math.MaxInt32, Doc: "Least a group's consumer.heartbeat.interval.ms may be."},
	{Name: ConfigConsumerSessionMsMin, Type: ConfigInt, Default: "45000", Min: 1, Max: math.MaxInt32, Doc: "Least a group's consumer.session.timeout.ms may be."},
	{Name: ConfigConsumerSessionMs, Type: ConfigInt, Default: "45000", Min: 1, Max: math.MaxInt32, Doc: "Time without a heartbeat after which a member of a consumer group (KIP-848) is gone."},
	{Name: ConfigGroupRebalanceDelayMs, Type: ConfigInt, Default: "3000", Max: math.MaxInt32, Doc: "How long a new classic group waits for more members."},
	{Name: ConfigGroupSessionMsMax, Type: ConfigInt, Default: "1800000", Min: 1, Max: math.MaxInt32, Doc: "Longest session timeout a member of a classic group may ask for."},
	{Name: ConfigGroupMax, Type: ConfigInt, Default: "10000", Min: 1, Max: math.MaxInt32, Doc: "Most members of a classic group."},
	{Name: ConfigGroupSessionMsMin, Type: ConfigInt, Default: "6000", Min: 1, Max: math.MaxInt32, Doc: "Shortest session timeout a member of a classic group may ask for."},
	{Name: ConfigOffsetMetadataMax, Type: ConfigInt, Default: "4096", Max: math.MaxInt32, Doc: "Most bytes of the note a consumer may leave with a position."},
	{Name: ConfigOffsetsRetentionMinutes, Type: ConfigInt, Default: "-1", Min: -1, Max: math.MaxInt32, Doc: "Minutes an empty group's positions are kept; -1, unlike Kafka's seven days, keeps them as long as their topic."},
	{Name: ConfigProducerExpiryMs, Type: ConfigInt, Default: "86400000", Min: 1, Max: math.MaxInt32, Doc: "Time after which a partition forgets an idempotent producer that is idle."},
	{Name: ConfigTransactionMsMax, Type: ConfigInt, Default: "900000", Min: 1, Max: math.MaxInt32, Doc: "Longest transaction timeout a producer may ask for."},
	{Name: ConfigTransactionAbortMs, Type: ConfigInt, Default: "0", Max: math.MaxInt32, Doc: "Shortest time between two looks for transactions that timed out; 0, unlike Kafka's ten seconds, aborts each when its time is over."},
	{Name: ConfigTransactionalIDCheckMs, Type: ConfigInt, Default: "3600000", Min: 1, Max: math.MaxInt32, Doc: "Time between two looks for transactional ids to forget."},
	{Name: ConfigTransactionVerify, Type: ConfigBoolean, Default: "true", OneOf: []string{"true"}, Why: " (a record of a transaction that isn't open is always refused)", Doc: "Whether a partition asks the coordinator before it opens a transaction."},
	{Name: ConfigTransactionalIDExpiryMs, Type: ConfigInt, Default: "604800000", Min: 1, Max: math.MaxInt32, Doc: "Time after which an idle transactional id is forgotten."},
}

// groupConfigs are the configs of one consumer group, by name.
var groupConfigs = []ConfigDef{
	{Name: "consumer.heartbeat.interval.ms", Type: ConfigInt, Default: "5000", Min: 1, Max: math.MaxInt32, Synonyms: synonyms(ConfigConsumerHeartbeatMs), Doc: "Time between two heartbeats of the group's members (KIP-848)."},
	{Name: "consumer.session.timeout.ms", Type: ConfigInt, Default: "45000", Min: 1, Max: math.MaxInt32, Synonyms: synonyms(ConfigConsumerSessionMs), Doc: "Time without a heartbeat after which a member is gone (KIP-848)."},
}

// clientMetricsConfigs are the configs of a subscription to clients' metrics (KIP-714), by name.
var clientMetricsConfigs = []ConfigDef{
	{Name: "interval.ms", Type: ConfigInt, Default: "300000", Min: 100, Max: hourMillis, Doc: noEffect + ": clients are not asked for metrics."},
	{Name: "match", Type: ConfigList, Doc: noEffect + ": clients are not asked for metrics."},
	{Name: "metrics", Type: ConfigList, Doc: noEffect + ": clients are not asked for metrics."},
}

// acceptedConfigs are those that scripts and configuration files set and that mean nothing here. What Kafka changes while it runs may be
// changed; the others are read-only, as there.
func acceptedConfigs() []ConfigDef {
	const big = "9223372036854775807"
	var out []ConfigDef
	readOnly := false
	add := func(t ConfigType, why string, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, ConfigDef{Name: pairs[i], Type: t, Default: pairs[i+1], ReadOnly: readOnly, Doc: noEffect + why})
		}
	}
	const threads, single = ": work is spread over the processors by itself.", " on a single node."
	add(ConfigInt, threads, "background.threads", "10", "num.io.threads", "8", "num.network.threads", "3", "num.recovery.threads.per.data.dir", "2",
		"num.replica.fetchers", "1", "log.cleaner.threads", "1")
	add(ConfigLong, single, "follower.replication.throttled.rate", big, "leader.replication.throttled.rate", big)
	add(ConfigInt, single, "controlled.shutdown.max.retries", "3")
	add(ConfigLong, ": there is one directory.", "replica.alter.log.dirs.io.max.bytes.per.second", big)
	add(ConfigList, ": metrics are read at the node's HTTP address.", "metric.reporters", "")
	readOnly = true
	add(ConfigInt, threads, "queued.max.requests", "500", "group.coordinator.threads", "4")
	add(ConfigLong, single, "replica.lag.time.max.ms", "30000", "leader.imbalance.check.interval.seconds", "300")
	add(ConfigInt, single, "replica.fetch.max.bytes", "1048576", "replica.fetch.min.bytes", "1", "replica.fetch.wait.max.ms", "500",
		"replica.fetch.backoff.ms", "1000", "replica.socket.timeout.ms", "30000")
	add(ConfigBoolean, single, "auto.leader.rebalance.enable", "true", "controlled.shutdown.enable", "true")
	add(ConfigInt, ": the system's buffers grow as needed.", "socket.send.buffer.bytes", "102400", "socket.receive.buffer.bytes", "102400")
	add(ConfigInt, ": internal topics are loaded by what they hold.", "offsets.load.buffer.size", "5242880", "transaction.state.log.load.buffer.size", "5242880",
		"offsets.commit.timeout.ms", "5000")
	add(ConfigShort, ": the internal topics have the default replication factor.", "offsets.topic.replication.factor", "1", "transaction.state.log.replication.factor", "1")
	add(ConfigInt, ": min.insync.replicas counts for internal topics too.", "transaction.state.log.min.isr", "1")
	add(ConfigInt, ": internal topics have segments of 100 MiB.", "offsets.topic.segment.bytes", "104857600", "transaction.state.log.segment.bytes", "104857600")
	add(ConfigLong, ": what expired is looked for when its time has come.", "offsets.retention.check.interval.ms", "600000")
	add(ConfigInt, ": transactions v2 add partitions in one step.", "add.partitions.to.txn.retry.backoff.ms", "20", "add.partitions.to.txn.retry.backoff.max.ms", "100")
	return append(out, cleanerConfigs...)
}

// cleanerConfigs tune compaction.
var cleanerConfigs = []ConfigDef{
	{Name: ConfigCleanerEnable, Type: ConfigBoolean, Default: "true", ReadOnly: true, OneOf: []string{"true"}, Why: " (compacted topics are always compacted)", Doc: "Whether compacted topics are compacted."},
	{Name: ConfigCleanerBackoffMs, Type: ConfigLong, Default: "15000", Min: 1, Max: math.MaxInt64, Doc: "Time between two looks for logs to compact."},
	{Name: ConfigCleanerDedupeBytes, Type: ConfigLong, Default: "134217728", Min: 1 << 20, Max: math.MaxInt64, Doc: "Most memory a compaction keeps keys in."},
	{Name: "log.cleaner.io.buffer.load.factor", Type: ConfigDouble, Default: "0.9", Doc: noEffect + ": the memory for keys has a fill of its own."},
	{Name: "log.cleaner.io.buffer.size", Type: ConfigInt, Default: "524288", Max: math.MaxInt32, Doc: noEffect + ": a compaction reads a batch at a time."},
	{Name: ConfigCleanerBytesPerSecond, Type: ConfigDouble, Default: "1.7976931348623157E308", Unbounded: true, Doc: "Most bytes a second a compaction reads and writes."},
}
