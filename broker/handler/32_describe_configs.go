package handler

import (
	"context"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// describeConfigs lists the configs of topics and brokers.
func (h *Handler) describeConfigs(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeConfigsRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrDescribeConfigsResponse()
	for i := range in.Resources {
		asked := &in.Resources[i]
		out := kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = asked.ResourceType, asked.ResourceName
		out.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
		entries, err := h.configsOf(img, metadata.Resource{Type: metadata.ResourceType(asked.ResourceType), Name: asked.ResourceName})
		out.ErrorCode, out.ErrorMessage = refusal(err)
		for _, e := range entries {
			if wants(asked.ConfigNames, e.def.Name) {
				out.Configs = append(out.Configs, describeConfig(e, in))
			}
		}
		resp.Resources = append(resp.Resources, out)
	}
	req.Reply(resp)
}

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

func describeConfig(e configEntry, in *kmsg.DescribeConfigsRequest) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value, out.Source = e.def.Name, &e.value, e.source
	out.ReadOnly, out.IsDefault = e.def.ReadOnly, e.source == kmsg.ConfigSourceDefaultConfig
	out.ConfigType = kmsg.ConfigType(e.def.Type)
	out.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	if in.IncludeSynonyms {
		out.ConfigSynonyms = synonyms(e)
	}
	if in.IncludeDocumentation {
		out.Documentation = &e.def.Doc
	}
	return out
}

// synonyms lists where the value comes from, the winner first.
func synonyms(e configEntry) []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym {
	out := []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	add := func(value string, source kmsg.ConfigSource) {
		s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		s.Name, s.Value, s.Source = e.def.Name, &value, source
		out = append(out, s)
	}
	if e.source != kmsg.ConfigSourceDefaultConfig {
		add(e.value, e.source)
	}
	add(e.def.Default, kmsg.ConfigSourceDefaultConfig)
	return out
}

// alterConfigs replaces all configs of resources (the older form).
func (h *Handler) alterConfigs(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AlterConfigsRequest)
	resp := kmsg.NewPtrAlterConfigsResponse()
	for _, r := range in.Resources {
		wanted := make(map[string]*string, len(r.Configs))
		for _, c := range r.Configs {
			wanted[c.Name] = c.Value
		}
		resource := metadata.Resource{Type: metadata.ResourceType(r.ResourceType), Name: r.ResourceName}
		err := h.alter(ctx, in.ValidateOnly, func(img *metadata.Image) ([]metadata.Record, *controller.Error) {
			return h.Controller.ReplaceConfigs(img, resource, wanted)
		})
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Resources = append(resp.Resources, out)
	}
	req.Reply(resp)
}

// incrementalAlterConfigs sets, removes, appends to and subtracts from single configs.
func (h *Handler) incrementalAlterConfigs(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.IncrementalAlterConfigsRequest)
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	for _, r := range in.Resources {
		changes := make([]controller.ConfigChange, len(r.Configs))
		for i, c := range r.Configs {
			changes[i] = controller.ConfigChange{Key: c.Name, Op: controller.ConfigOp(c.Op), Value: c.Value}
		}
		resource := metadata.Resource{Type: metadata.ResourceType(r.ResourceType), Name: r.ResourceName}
		err := h.alter(ctx, in.ValidateOnly, func(img *metadata.Image) ([]metadata.Record, *controller.Error) {
			return h.Controller.AlterConfigs(img, resource, changes)
		})
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Resources = append(resp.Resources, out)
	}
	req.Reply(resp)
}

func (h *Handler) alter(ctx context.Context, validateOnly bool, decide func(*metadata.Image) ([]metadata.Record, *controller.Error)) error {
	return h.change(ctx, 0, func(img *metadata.Image) ([]metadata.Record, error) {
		records, refused := decide(img)
		switch {
		case refused != nil:
			return nil, refused
		case validateOnly:
			return nil, nil
		}
		return records, nil
	})
}

// listConfigResources lists what has configs; only topics and brokers do here (KIP-1142).
func (h *Handler) listConfigResources(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ListConfigResourcesRequest)
	resp := kmsg.NewPtrListConfigResourcesResponse()
	resp.ConfigResources = []kmsg.ListConfigResourcesResponseConfigResource{}
	add := func(kind metadata.ResourceType, name string) {
		out := kmsg.NewListConfigResourcesResponseConfigResource()
		out.Type, out.Name = int8(kind), name
		resp.ConfigResources = append(resp.ConfigResources, out)
	}
	img := h.Quorum.Image()
	// Version 0 knows only client metrics, of which there are none.
	for _, kind := range in.ResourceTypes {
		switch metadata.ResourceType(kind) {
		case metadata.ResourceTopic:
			for _, t := range img.SortedTopics() {
				add(metadata.ResourceTopic, t.Name)
			}
		case metadata.ResourceBroker:
			for _, b := range img.Brokers() {
				add(metadata.ResourceBroker, strconv.Itoa(int(b.ID)))
			}
		}
	}
	req.Reply(resp)
}
