package handler

import (
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
)

// configEntry is a config as a client shall see it.
type configEntry struct {
	def    *metadata.ConfigDef
	value  string
	source kmsg.ConfigSource
}

// topicConfigEntries lists all topic configs with the values set or their defaults.
func topicConfigEntries(set map[string]string) []configEntry {
	return configEntries(metadata.TopicConfigDefs(), set, kmsg.ConfigSourceDynamicTopicConfig)
}

func configEntries(defs []metadata.ConfigDef, set map[string]string, source kmsg.ConfigSource) []configEntry {
	out := make([]configEntry, len(defs))
	for i := range defs {
		out[i] = configEntry{def: &defs[i], value: defs[i].Default, source: kmsg.ConfigSourceDefaultConfig}
		if v, ok := set[defs[i].Name]; ok {
			out[i].value, out[i].source = v, source
		}
	}
	return out
}

// overlay returns base with over on top.
func overlay(base, over map[string]string) map[string]string {
	out := maps.Clone(base)
	if out == nil {
		out = make(map[string]string, len(over))
	}
	maps.Copy(out, over)
	return out
}

// wants tells whether a list of names asks for name; nil asks for all.
func wants(names []string, name string) bool { return names == nil || slices.Contains(names, name) }

// configsOf lists what a resource's configs are.
func (h *Handler) configsOf(img *metadata.Image, r metadata.Resource) ([]configEntry, *controller.Error) {
	switch r.Type {
	case metadata.ResourceTopic:
		t := img.Topic(r.Name)
		if t == nil {
			return nil, &controller.Error{Kafka: kerr.UnknownTopicOrPartition, Message: "topic " + strconv.Quote(r.Name) + " does not exist"}
		}
		return topicConfigEntries(t.Configs), nil
	case metadata.ResourceBroker:
		common := img.Configs(metadata.Resource{Type: metadata.ResourceBroker})
		if r.Name == "" {
			return setOnly(configEntries(metadata.BrokerConfigDefs(), common, kmsg.ConfigSourceDynamicDefaultBrokerConfig)), nil
		}
		if r.Name != strconv.Itoa(int(h.NodeID)) {
			return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "configs of broker " + strconv.Quote(r.Name) + " are to be asked of that broker; this is " + strconv.Itoa(int(h.NodeID))}
		}
		set := overlay(h.staticConfigs(), overlay(common, img.Configs(r)))
		return configEntries(metadata.BrokerConfigDefs(), set, kmsg.ConfigSourceStaticBrokerConfig), nil
	}
	// Kafka answers resources it keeps no configs of (client metrics, groups) with an empty list.
	return nil, nil
}

// staticConfigs are broker configs this node was started with.
func (h *Handler) staticConfigs() map[string]string {
	id := strconv.Itoa(int(h.NodeID))
	return map[string]string{
		"broker.id": id, "node.id": id,
		metadata.ConfigAutoCreateTopics: strconv.FormatBool(h.AutoCreateTopics),
	}
}

// setOnly leaves out what has its default: the cluster-wide entity shows only what was set.
func setOnly(entries []configEntry) []configEntry {
	var out []configEntry
	for _, e := range entries {
		if e.source != kmsg.ConfigSourceDefaultConfig {
			out = append(out, e)
		}
	}
	return out
}
