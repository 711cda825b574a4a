package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// incrementalAlterConfigs sets, removes, appends to and subtracts from single configs.
func (h *Handler) incrementalAlterConfigs(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.IncrementalAlterConfigsRequest)
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	named := make(map[metadata.Resource]int, len(in.Resources))
	for _, r := range in.Resources {
		named[configResource(r.ResourceType, r.ResourceName)]++
	}
	for _, r := range in.Resources {
		changes := make([]controller.ConfigChange, len(r.Configs))
		for i, c := range r.Configs {
			changes[i] = controller.ConfigChange{Key: c.Name, Op: controller.ConfigOp(c.Op), Value: c.Value}
		}
		resource := configResource(r.ResourceType, r.ResourceName)
		err := h.alter(ctx, req, in.ValidateOnly, resource, named[resource], func(img *metadata.Image) ([]metadata.Record, *controller.Error) {
			return h.Controller.AlterConfigs(img, resource, changes)
		})
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Resources = append(resp.Resources, out)
	}
	req.Reply(resp)
}
