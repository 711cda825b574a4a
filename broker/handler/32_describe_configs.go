package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

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
