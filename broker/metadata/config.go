package metadata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ConfigType is how a config's text is read, in the numbers of DescribeConfigs.
type ConfigType int8

// The types of configs.
const (
	ConfigBoolean ConfigType = 1
	ConfigString  ConfigType = 2
	ConfigInt     ConfigType = 3
	ConfigShort   ConfigType = 4
	ConfigLong    ConfigType = 5
	ConfigDouble  ConfigType = 6
	ConfigList    ConfigType = 7
)

// ConfigDef says what a config is.
type ConfigDef struct {
	Name    string
	Type    ConfigType
	Default string
	Doc     string
	// ReadOnly configs can be read by clients and set only where the node is started.
	ReadOnly bool
	// NoDefault configs are null until they are set.
	NoDefault bool
	// Sensitive values are never shown.
	Sensitive bool
	// Synonyms are the broker configs that give the value where nothing nearer does, the first one winning.
	Synonyms []Synonym
	// Unbounded lets a ConfigDouble be any number of at least Min; otherwise it is a fraction between 0 and 1.
	Unbounded bool
	// Min and Max bound numbers when Max > Min.
	Min, Max int64
	// OneOf lists the allowed words, of each element for a list; empty allows any.
	OneOf []string
	// MayBeEmpty allows a list of OneOf to hold no word.
	MayBeEmpty bool
	// Form checks a text that has one; nil takes any. Its error follows the config's name.
	Form func(value string) error
	// Why explains a short OneOf to somebody who asked for something else.
	Why string
}

// Synonym names a broker config whose value, times Factor unless that is 0, counts.
type Synonym struct {
	Name   string
	Factor int64
}

// wordTrue is how a boolean says yes; Kafka's tools write it in any case.
const wordTrue = "true"

// Check tells whether value is one the config can have.
func (d *ConfigDef) Check(value string) error {
	switch d.Type {
	case ConfigBoolean:
		if value != "true" && value != "false" {
			return fmt.Errorf("%s is true or false, not %q", d.Name, value)
		}
	case ConfigInt, ConfigShort, ConfigLong:
		n, err := strconv.ParseInt(value, 10, bitsOf(d.Type))
		if err != nil {
			return fmt.Errorf("%s is a whole number, not %q", d.Name, value)
		}
		if d.Max > d.Min && (n < d.Min || n > d.Max) {
			return fmt.Errorf("%s is between %d and %d, not %d", d.Name, d.Min, d.Max, n)
		}
	case ConfigDouble:
		f, err := strconv.ParseFloat(value, 64)
		switch {
		case d.Unbounded && (err != nil || f < 0):
			return fmt.Errorf("%s is a number of at least 0, not %q", d.Name, value)
		case !d.Unbounded && (err != nil || f < 0 || f > 1):
			return fmt.Errorf("%s is a fraction between 0 and 1, not %q", d.Name, value)
		}
	case ConfigString, ConfigList:
		if d.Form == nil {
			break
		}
		if err := d.Form(value); err != nil {
			return fmt.Errorf("%s %w", d.Name, err)
		}
	}
	return d.checkWords(value)
}

// Normal is value as it is kept: without blanks around it, and true or false in small letters. Kafka's tools write both as they please.
func (d *ConfigDef) Normal(value string) string {
	value = strings.TrimSpace(value)
	if d.Type == ConfigBoolean {
		return strings.ToLower(value)
	}
	return value
}

func bitsOf(t ConfigType) int {
	switch t {
	case ConfigShort:
		return 16
	case ConfigInt:
		return 32
	default:
		return 64
	}
}

func (d *ConfigDef) checkWords(value string) error {
	if len(d.OneOf) == 0 {
		return nil
	}
	words := []string{value}
	if d.Type == ConfigList {
		words = SplitList(value)
	}
	if len(words) == 0 && !d.MayBeEmpty {
		return fmt.Errorf("%s can't be empty", d.Name)
	}
	for _, w := range words {
		if !slices.Contains(d.OneOf, w) {
			return fmt.Errorf("%s can be %s, not %q%s", d.Name, strings.Join(d.OneOf, " or "), w, d.Why)
		}
	}
	return nil
}

// SplitList takes a list config apart; blanks around its elements don't count.
func SplitList(value string) []string {
	var out []string
	for word := range strings.SplitSeq(value, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}

// TopicConfigDef finds a topic config, or nil.
func TopicConfigDef(name string) *ConfigDef { return findDef(topicConfigs, name) }

// TopicConfigDefs lists all topic configs by name; not to be changed.
func TopicConfigDefs() []ConfigDef { return topicConfigs }

// BrokerConfigDef finds a broker config, or nil.
func BrokerConfigDef(name string) *ConfigDef { return findDef(brokerConfigs, name) }

// BrokerConfigDefs lists all broker configs by name; not to be changed.
func BrokerConfigDefs() []ConfigDef { return brokerConfigs }

// GroupConfigDef finds a config of consumer groups, or nil.
func GroupConfigDef(name string) *ConfigDef { return findDef(groupConfigs, name) }

// GroupConfigDefs lists all configs of consumer groups by name; not to be changed.
func GroupConfigDefs() []ConfigDef { return groupConfigs }

// ClientMetricsConfigDef finds a config of client metrics subscriptions, or nil.
func ClientMetricsConfigDef(name string) *ConfigDef { return findDef(clientMetricsConfigs, name) }

// ClientMetricsConfigDefs lists all configs of client metrics subscriptions by name; not to be changed.
func ClientMetricsConfigDefs() []ConfigDef { return clientMetricsConfigs }

func findDef(defs []ConfigDef, name string) *ConfigDef {
	i, found := slices.BinarySearchFunc(defs, name, func(d ConfigDef, name string) int { return strings.Compare(d.Name, name) })
	if !found {
		return nil
	}
	return &defs[i]
}

// Names of topic configs that code refers to.
const (
	ConfigCleanupPolicy    = "cleanup.policy"
	ConfigFlushMode        = "flush.mode"
	ConfigMaxMessageBytes  = "max.message.bytes"
	ConfigMinInsync        = "min.insync.replicas"
	ConfigRetentionMs      = "retention.ms"
	ConfigRetentionBytes   = "retention.bytes"
	ConfigSegmentBytes     = "segment.bytes"
	ConfigSegmentMs        = "segment.ms"
	ConfigFlushMessages    = "flush.messages"
	ConfigFlushMs          = "flush.ms"
	ConfigMinCompactionLag = "min.compaction.lag.ms"
	ConfigMaxCompactionLag = "max.compaction.lag.ms"
	ConfigMinDirtyRatio    = "min.cleanable.dirty.ratio"
	ConfigDeleteRetention  = "delete.retention.ms"
	ConfigSegmentJitter    = "segment.jitter.ms"
	ConfigFileDeleteDelay  = "file.delete.delay.ms"
	ConfigPreallocate      = "preallocate"
	ConfigCompressionType  = "compression.type"
	ConfigGzipLevel        = "compression.gzip.level"
	ConfigLZ4Level         = "compression.lz4.level"
	ConfigZstdLevel        = "compression.zstd.level"
	ConfigIndexInterval    = "index.interval.bytes"
	ConfigTimestampType    = "message.timestamp.type"
	ConfigTimestampAfter   = "message.timestamp.after.max.ms"
	ConfigTimestampBefore  = "message.timestamp.before.max.ms"
)

// TopicConfig is a topic's configuration with defaults, typed.
type TopicConfig struct {
	// Delete and Compact are the words of cleanup.policy.
	Delete, Compact    bool
	Retention          time.Duration // negative keeps for ever
	RetentionBytes     int64         // negative keeps everything
	SegmentBytes       int64
	SegmentAge         time.Duration
	IndexIntervalBytes int64
	MessageBytesMax    int
	LogAppendTime      bool
	TimestampAfterMax  time.Duration // 0: no limit
	TimestampBeforeMax time.Duration // 0: no limit
	MinInsyncReplicas  int
	// FlushInterval tells that acknowledged records may be unsynced for a moment (flush.mode=interval).
	FlushInterval bool
	// FlushMessages and FlushAge sync a topic of that mode earlier: after so many records, or so long after one.
	FlushMessages int64
	FlushAge      time.Duration // 0: no limit

	MinCompactionLag time.Duration
	MaxCompactionLag time.Duration // 0: no limit
	MinDirtyRatio    float64
	DeleteRetention  time.Duration
	SegmentJitter    time.Duration
	FileDeleteDelay  time.Duration
	Preallocate      bool
	// Compression is compression.type; the levels are those of its codecs.
	Compression                    string
	GzipLevel, LZ4Level, ZstdLevel int
}

// SyncedAcks tells whether nothing is acknowledged or shown before it is on disk.
func (c *TopicConfig) SyncedAcks() bool { return !c.FlushInterval }

// ParseTopicConfig reads a topic's configs, which were checked when they were set; a value that can't be read counts as the default.
// The defaults are those of a broker nobody configured; see TopicDefaults for others.
func ParseTopicConfig(set map[string]string) TopicConfig { return TopicDefaults{}.Parse(set) }

func parseTopicConfig(get func(name string) string) TopicConfig {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(get(name), 10, 64)
		return n
	}
	fraction := func(name string) float64 {
		f, _ := strconv.ParseFloat(get(name), 64)
		return f
	}
	policy := SplitList(get(ConfigCleanupPolicy))
	return TopicConfig{
		Delete:             slices.Contains(policy, "delete"),
		Compact:            slices.Contains(policy, "compact"),
		Retention:          millis(number(ConfigRetentionMs)),
		RetentionBytes:     number(ConfigRetentionBytes),
		SegmentBytes:       number(ConfigSegmentBytes),
		SegmentAge:         millis(number(ConfigSegmentMs)),
		IndexIntervalBytes: number(ConfigIndexInterval),
		MessageBytesMax:    int(number(ConfigMaxMessageBytes)),
		LogAppendTime:      get(ConfigTimestampType) == "LogAppendTime",
		TimestampAfterMax:  limit(number(ConfigTimestampAfter)),
		TimestampBeforeMax: limit(number(ConfigTimestampBefore)),
		MinInsyncReplicas:  int(number(ConfigMinInsync)),
		FlushInterval:      get(ConfigFlushMode) == "interval",
		FlushMessages:      number(ConfigFlushMessages),
		FlushAge:           limit(number(ConfigFlushMs)),
		MinCompactionLag:   limit(number(ConfigMinCompactionLag)),
		MaxCompactionLag:   limit(number(ConfigMaxCompactionLag)),
		MinDirtyRatio:      fraction(ConfigMinDirtyRatio),
		DeleteRetention:    forEver(millis(number(ConfigDeleteRetention))),
		SegmentJitter:      limit(number(ConfigSegmentJitter)),
		FileDeleteDelay:    forEver(millis(number(ConfigFileDeleteDelay))),
		Preallocate:        get(ConfigPreallocate) == "true",
		Compression:        get(ConfigCompressionType),
		GzipLevel:          int(number(ConfigGzipLevel)),
		LZ4Level:           int(number(ConfigLZ4Level)),
		ZstdLevel:          int(number(ConfigZstdLevel)),
	}
}

// maxMillis is the longest time a Duration can hold; longer ones count as for ever.
const maxMillis = int64(1<<63-1) / int64(time.Millisecond)

// millis turns milliseconds into a duration; what it can't hold is negative, for ever.
func millis(n int64) time.Duration {
	if n < 0 || n > maxMillis {
		return -1
	}
	return time.Duration(n) * time.Millisecond
}

// forEver makes a duration that millis called for ever the longest there is.
func forEver(d time.Duration) time.Duration {
	if d < 0 {
		return 1<<63 - 1
	}
	return d
}

// limit is millis with 0 for no limit.
func limit(n int64) time.Duration {
	if n > maxMillis {
		return 0
	}
	return max(0, time.Duration(n)*time.Millisecond)
}
