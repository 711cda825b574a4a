package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// describeConfigs lists the configs of topics, brokers, groups and client metrics subscriptions.
func (h *Handler) describeConfigs(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeConfigsRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrDescribeConfigsResponse()
	resp.Resources = make([]kmsg.DescribeConfigsResponseResource, 0, len(in.Resources))
	for i := range in.Resources {
		resp.Resources = append(resp.Resources, h.describeConfigsOf(req, img, in, &in.Resources[i]))
	}
	req.Reply(resp)
}

func (h *Handler) describeConfigsOf(req *wire.Request, img *metadata.Image, in *kmsg.DescribeConfigsRequest, asked *kmsg.DescribeConfigsRequestResource) kmsg.DescribeConfigsResponseResource {
	out := kmsg.NewDescribeConfigsResponseResource()
	out.ResourceType, out.ResourceName = asked.ResourceType, asked.ResourceName
	out.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
	r := configResource(asked.ResourceType, asked.ResourceName)
	if err := h.mayConfigure(req, auth.OpDescribeConfigs, r); err != nil {
		out.ErrorCode, out.ErrorMessage = refused(err)
		return out
	}
	entries, err := h.configsOf(img, r)
	if out.ErrorCode, out.ErrorMessage = refusal(err); err == nil {
		out.ErrorMessage = new("") // Kafka's tools expect a text
	}
	for i := range entries {
		if wants(asked.ConfigNames, entries[i].def.Name) {
			out.Configs = append(out.Configs, describeConfig(&entries[i], in))
		}
	}
	return out
}

func describeConfig(e *configEntry, in *kmsg.DescribeConfigsRequest) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value, out.Source = e.def.Name, e.shown(), kmsg.ConfigSource(e.Source)
	out.ReadOnly, out.IsDefault, out.IsSensitive = e.def.ReadOnly, e.Source == metadata.SourceDefault, e.def.Sensitive
	out.ConfigType = kmsg.ConfigType(e.def.Type)
	out.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	if in.IncludeSynonyms {
		for _, from := range e.Synonyms {
			s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
			s.Name, s.Source = from.Name, kmsg.ConfigSource(from.Source)
			if !e.def.Sensitive {
				s.Value = &from.Text
			}
			out.ConfigSynonyms = append(out.ConfigSynonyms, s)
		}
	}
	if in.IncludeDocumentation {
		out.Documentation = &e.def.Doc
	}
	return out
}
