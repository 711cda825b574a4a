package metadata

import (
	"slices"
	"strconv"
	"time"
)

// ConfigSource says who set a config's value, in the numbers of DescribeConfigs.
type ConfigSource int8

// The sources of values, the strongest first but for groups and client metrics, which are only ever set on their resource.
const (
	SourceTopic         ConfigSource = 1 // on the topic
	SourceBroker        ConfigSource = 2 // on this broker, while it runs
	SourceBrokerDefault ConfigSource = 3 // on all brokers, while they run
	SourceStatic        ConfigSource = 4 // where the node was started
	SourceDefault       ConfigSource = 5 // nobody
	SourceClientMetrics ConfigSource = 7
	SourceGroup         ConfigSource = 8
)

// ConfigSynonym is one place a config's value may come from.
type ConfigSynonym struct {
	Name   string
	Text   string
	Source ConfigSource
}

// ConfigValue is a config's value and everything it hides. Without Synonyms and Null set it has none.
type ConfigValue struct {
	Text   string
	Null   bool
	Source ConfigSource
	// Synonyms lists all places with a value, the winner first.
	Synonyms []ConfigSynonym
}

// NodeConfigs is the configuration of one broker at an image: what is set on it, on all brokers, and where its node was started. The
// zero value has the defaults. It is immutable.
type NodeConfigs struct{ own, all, static map[string]string }

// NodeConfigs is the configuration of a broker whose node was started with static.
func (img *Image) NodeConfigs(id int32, static map[string]string) NodeConfigs {
	return NodeConfigs{
		own:    img.Configs(Resource{Type: ResourceBroker, Name: strconv.Itoa(int(id))}),
		all:    img.Configs(Resource{Type: ResourceBroker}),
		static: static,
	}
}

// Broker gives a broker config's value.
func (c NodeConfigs) Broker(def *ConfigDef) ConfigValue {
	names := def.Synonyms
	if len(names) == 0 {
		names = []Synonym{{Name: def.Name}}
	}
	v := c.resolve(nil, names)
	if len(v.Synonyms) > 0 && v.Synonyms[0].Name != def.Name && def.NoDefault {
		// log.retention.ms stays null when only log.retention.hours is set, as in Kafka.
		return ConfigValue{Null: true, Source: SourceDefault}
	}
	return v
}

// Topic gives a topic config's value, set being what is set on the topic.
func (c NodeConfigs) Topic(set map[string]string, def *ConfigDef) ConfigValue {
	return c.under(set, def, SourceTopic)
}

// Group gives a group config's value, set being what is set on the group.
func (c NodeConfigs) Group(set map[string]string, def *ConfigDef) ConfigValue {
	return c.under(set, def, SourceGroup)
}

// ClientMetrics gives a client metrics config's value, set being what is set on the subscription.
func (c NodeConfigs) ClientMetrics(set map[string]string, def *ConfigDef) ConfigValue {
	return c.under(set, def, SourceClientMetrics)
}

func (c NodeConfigs) under(set map[string]string, def *ConfigDef, source ConfigSource) ConfigValue {
	var first []ConfigSynonym
	if text, ok := set[def.Name]; ok {
		first = append(first, ConfigSynonym{Name: def.Name, Text: text, Source: source})
	}
	v := c.resolve(first, def.Synonyms)
	if len(v.Synonyms) == 0 {
		v.Null, v.Text = def.NoDefault, def.Default
	}
	return v
}

// resolve gathers the values of broker configs behind those found already. Sources rank before names: what is set while the broker
// runs hides what it was started with, whichever of the names carries it.
func (c NodeConfigs) resolve(found []ConfigSynonym, names []Synonym) ConfigValue {
	factor := int64(1)
	for _, from := range []struct {
		values map[string]string
		source ConfigSource
	}{{c.own, SourceBroker}, {c.all, SourceBrokerDefault}, {c.static, SourceStatic}, {nil, SourceDefault}} {
		for _, s := range names {
			text, ok := from.values[s.Name]
			if from.source == SourceDefault {
				def := BrokerConfigDef(s.Name)
				text, ok = def.Default, !def.NoDefault
			}
			if !ok {
				continue
			}
			if len(found) == 0 && s.Factor != 0 {
				factor = s.Factor
			}
			found = append(found, ConfigSynonym{Name: s.Name, Text: text, Source: from.source})
		}
	}
	if len(found) == 0 {
		return ConfigValue{Null: true, Source: SourceDefault}
	}
	return ConfigValue{Text: scale(found[0].Text, factor), Source: found[0].Source, Synonyms: found}
}

// scale multiplies a number given in a larger unit; negative ones mean "for ever" in every unit.
func scale(text string, factor int64) string {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || factor == 1 {
		return text
	}
	return strconv.FormatInt(n*factor, 10)
}

// Text is a broker config's value, "" for null. A name that isn't one is a mistake of this program.
func (c NodeConfigs) Text(name string) string {
	def := BrokerConfigDef(name)
	if def == nil {
		panic("metadata: no broker config is called " + name)
	}
	for _, values := range [...]map[string]string{c.own, c.all, c.static} {
		if text, ok := values[name]; ok && def.Check(text) == nil {
			return text
		}
	}
	return def.Default
}

// Int is the value of a broker config that is a number.
func (c NodeConfigs) Int(name string) int64 {
	n, _ := strconv.ParseInt(c.Text(name), 10, 64) // checked when it was set
	return n
}

// Float is the value of a broker config that is a fraction or a rate.
func (c NodeConfigs) Float(name string) float64 {
	f, _ := strconv.ParseFloat(c.Text(name), 64) // checked when it was set
	return f
}

// Bool is the value of a broker config that is true or false.
func (c NodeConfigs) Bool(name string) bool { return c.Text(name) == wordTrue }

// Millis is the value of a broker config in milliseconds as a duration; negative stands for for ever.
func (c NodeConfigs) Millis(name string) time.Duration { return millis(c.Int(name)) }

// TopicDefaults are the values of topic configs a topic doesn't set, on one broker. The zero value has those of a broker nobody
// configured.
type TopicDefaults struct{ values map[string]string }

// TopicDefaults computes them.
func (c NodeConfigs) TopicDefaults() TopicDefaults {
	values := make(map[string]string, len(topicConfigs))
	for i := range topicConfigs {
		def := &topicConfigs[i]
		if v := c.Topic(nil, def); v.Text != def.Default && def.Check(v.Text) == nil {
			values[def.Name] = v.Text
		}
	}
	return TopicDefaults{values}
}

// Parse reads a topic's configs over these defaults; see ParseTopicConfig.
func (d TopicDefaults) Parse(set map[string]string) TopicConfig {
	return parseTopicConfig(func(name string) string {
		def := TopicConfigDef(name)
		if v, ok := set[name]; ok && def.Check(v) == nil {
			return v
		}
		if v, ok := d.values[name]; ok {
			return v
		}
		return def.Default
	})
}

// ConfiguredResources lists by name the resources of a type on which configs are set; topics aside, which have theirs.
func (img *Image) ConfiguredResources(kind ResourceType) []string {
	var names []string
	for r := range img.configs {
		if r.Type == kind {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}
