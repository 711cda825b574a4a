package handler

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// configEntry is a config as a client shall see it.
type configEntry struct {
	def *metadata.ConfigDef
	metadata.ConfigValue
}

// shown is the value on the wire: null for none and for secrets.
func (e *configEntry) shown() *string {
	if e.Null || e.def.Sensitive {
		return nil
	}
	return &e.Text
}

// configs is this broker's configuration.
func (h *Handler) configs(img *metadata.Image) metadata.NodeConfigs {
	return img.NodeConfigs(h.NodeID, h.StaticConfigs)
}

func configEntries(defs []metadata.ConfigDef, value func(*metadata.ConfigDef) metadata.ConfigValue) []configEntry {
	out := make([]configEntry, len(defs))
	for i := range defs {
		out[i] = configEntry{def: &defs[i], ConfigValue: value(&defs[i])}
	}
	return out
}

// topicConfigEntries lists all topic configs of a topic on which set is set.
func (h *Handler) topicConfigEntries(img *metadata.Image, set map[string]string) []configEntry {
	configs := h.configs(img)
	return configEntries(metadata.TopicConfigDefs(), func(def *metadata.ConfigDef) metadata.ConfigValue { return configs.Topic(set, def) })
}

// wants tells whether a list of names asks for name; nil asks for all.
func wants(names []string, name string) bool { return names == nil || slices.Contains(names, name) }

// configsOf lists what a resource's configs are. Groups and client metrics have theirs whether they exist or not.
func (h *Handler) configsOf(img *metadata.Image, r metadata.Resource) ([]configEntry, *controller.Error) {
	configs, set := h.configs(img), img.Configs(r)
	switch r.Type {
	case metadata.ResourceTopic:
		if err := controller.CheckTopicName(r.Name); err != nil {
			return nil, err
		}
		if img.Topic(r.Name) == nil {
			return nil, &controller.Error{Kafka: kerr.UnknownTopicOrPartition, Message: "topic " + strconv.Quote(r.Name) + " does not exist"}
		}
		return h.topicConfigEntries(img, set), nil
	case metadata.ResourceBroker:
		if r.Name == "" {
			return commonConfigEntries(set), nil
		}
		if r.Name != strconv.Itoa(int(h.NodeID)) {
			return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "configs of broker " + strconv.Quote(r.Name) + " are to be asked of that broker; this is " + strconv.Itoa(int(h.NodeID))}
		}
		return configEntries(metadata.BrokerConfigDefs(), configs.Broker), nil
	case metadata.ResourceGroup:
		if r.Name == "" {
			return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "a group's name can't be empty"}
		}
		return configEntries(metadata.GroupConfigDefs(), func(def *metadata.ConfigDef) metadata.ConfigValue { return configs.Group(set, def) }), nil
	case metadata.ResourceClientMetrics:
		if r.Name == "" {
			return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "a subscription's name can't be empty"}
		}
		return configEntries(metadata.ClientMetricsConfigDefs(), func(def *metadata.ConfigDef) metadata.ConfigValue { return configs.ClientMetrics(set, def) }), nil
	}
	return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "resources of type " + strconv.Itoa(int(r.Type)) + " have no configs here"}
}

// commonConfigEntries lists what is set for all brokers: the cluster-wide entity shows nothing else.
func commonConfigEntries(set map[string]string) []configEntry {
	var out []configEntry
	for _, e := range configEntries(metadata.BrokerConfigDefs(), func(def *metadata.ConfigDef) metadata.ConfigValue {
		text, ok := set[def.Name]
		source := metadata.SourceBrokerDefault
		return metadata.ConfigValue{Text: text, Null: !ok, Source: source, Synonyms: []metadata.ConfigSynonym{{Name: def.Name, Text: text, Source: source}}}
	}) {
		if !e.Null {
			out = append(out, e)
		}
	}
	return out
}

// mayConfigure tells whether the caller may do op to a resource's configs, and which error says that it may not.
func (h *Handler) mayConfigure(req *wire.Request, op auth.Operation, r metadata.Resource) *kerr.Error {
	switch r.Type {
	case metadata.ResourceTopic:
		if !h.may(req, op, auth.ResourceTopic, r.Name) {
			return kerr.TopicAuthorizationFailed
		}
	case metadata.ResourceGroup:
		if !h.may(req, op, auth.ResourceGroup, r.Name) {
			return kerr.GroupAuthorizationFailed
		}
	default:
		if !h.may(req, op, auth.ResourceCluster, auth.ClusterName) {
			return kerr.ClusterAuthorizationFailed
		}
	}
	return nil
}

// refused is the code and message of an error without a text of its own.
func refused(err *kerr.Error) (code int16, message *string) {
	text := err.Description
	return err.Code, &text
}

// configResource is a resource of a request, in the words of the metadata. Numbers that are no resource stay what they are.
func configResource(kind kmsg.ConfigResourceType, name string) metadata.Resource {
	return metadata.Resource{Type: metadata.ResourceType(kind), Name: name}
}
