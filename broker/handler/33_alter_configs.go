package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

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
