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

// alterConfigs replaces all configs of resources (the older form); one refused doesn't stop the others.
func (h *Handler) alterConfigs(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AlterConfigsRequest)
	resources := make([]metadata.Resource, len(in.Resources))
	for i, r := range in.Resources {
		resources[i] = configResource(r.ResourceType, r.ResourceName)
	}
	errs := h.alterEach(ctx, req, in.ValidateOnly, resources, func(img *metadata.Image, i int) ([]metadata.Record, *controller.Error) {
		wanted := make(map[string]*string, len(in.Resources[i].Configs))
		for _, c := range in.Resources[i].Configs {
			if _, twice := wanted[c.Name]; twice {
				return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "a config is named twice"}
			}
			wanted[c.Name] = c.Value
		}
		return h.Controller.ReplaceConfigs(img, resources[i], wanted)
	})
	resp := kmsg.NewPtrAlterConfigsResponse()
	resp.Resources = make([]kmsg.AlterConfigsResponseResource, len(in.Resources))
	for i, err := range errs {
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = in.Resources[i].ResourceType, in.Resources[i].ResourceName
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Resources[i] = out
	}
	req.Reply(resp)
}

// alterEach commits what decide returns for each resource of a request, and gives each one's error.
func (h *Handler) alterEach(ctx context.Context, req *wire.Request, validateOnly bool, resources []metadata.Resource,
	decide func(img *metadata.Image, i int) ([]metadata.Record, *controller.Error),
) []error {
	named := make(map[metadata.Resource]int, len(resources))
	for _, r := range resources {
		named[r]++
	}
	return h.changeEach(ctx, 0, len(resources), func(img *metadata.Image, i int) ([]metadata.Record, error) {
		if err := h.mayConfigure(req, auth.OpAlterConfigs, resources[i]); err != nil {
			return nil, err
		}
		if named[resources[i]] > 1 {
			return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "a resource may stand in a request once"}
		}
		records, refused := decide(img, i)
		switch {
		case refused != nil:
			return nil, refused
		case validateOnly:
			return nil, nil
		}
		return records, nil
	})
}
