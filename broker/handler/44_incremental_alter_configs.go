package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// incrementalAlterConfigs sets, removes, appends to and subtracts from single configs; one resource refused doesn't stop the others.
func (h *Handler) incrementalAlterConfigs(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.IncrementalAlterConfigsRequest)
	resources := make([]metadata.Resource, len(in.Resources))
	for i, r := range in.Resources {
		resources[i] = configResource(r.ResourceType, r.ResourceName)
	}
	errs := h.alterEach(ctx, req, in.ValidateOnly, resources, func(img *metadata.Image, i int) ([]metadata.Record, *controller.Error) {
		changes := make([]controller.ConfigChange, len(in.Resources[i].Configs))
		for j, c := range in.Resources[i].Configs {
			changes[j] = controller.ConfigChange{Key: c.Name, Op: controller.ConfigOp(c.Op), Value: c.Value}
		}
		return h.Controller.AlterConfigs(img, resources[i], changes)
	})
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	resp.Resources = make([]kmsg.IncrementalAlterConfigsResponseResource, len(in.Resources))
	for i, err := range errs {
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = in.Resources[i].ResourceType, in.Resources[i].ResourceName
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Resources[i] = out
	}
	req.Reply(resp)
}
