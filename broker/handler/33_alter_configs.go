package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// alterConfigs replaces all configs of resources (the older form).
func (h *Handler) alterConfigs(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AlterConfigsRequest)
	resp := kmsg.NewPtrAlterConfigsResponse()
	named := make(map[metadata.Resource]int, len(in.Resources))
	for _, r := range in.Resources {
		named[configResource(r.ResourceType, r.ResourceName)]++
	}
	for _, r := range in.Resources {
		resource := configResource(r.ResourceType, r.ResourceName)
		wanted := make(map[string]*string, len(r.Configs))
		for _, c := range r.Configs {
			wanted[c.Name] = c.Value
		}
		err := h.alter(ctx, req, in.ValidateOnly, resource, named[resource], func(img *metadata.Image) ([]metadata.Record, *controller.Error) {
			if len(wanted) < len(r.Configs) {
				return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "a config is named twice"}
			}
			return h.Controller.ReplaceConfigs(img, resource, wanted)
		})
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Resources = append(resp.Resources, out)
	}
	req.Reply(resp)
}

// alter commits what decide returns for a resource that a request names so many times.
func (h *Handler) alter(ctx context.Context, req *wire.Request, validateOnly bool, r metadata.Resource, named int,
	decide func(*metadata.Image) ([]metadata.Record, *controller.Error),
) error {
	if err := h.mayConfigure(req, auth.OpAlterConfigs, r); err != nil {
		return err
	}
	if named > 1 {
		return &controller.Error{Kafka: kerr.InvalidRequest, Message: "a resource may stand in a request once"}
	}
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
