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

// alterClientQuotas sets and removes quotas; one entity refused doesn't stop the others.
func (h *Handler) alterClientQuotas(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AlterClientQuotasRequest)
	allowed := h.may(req, auth.OpAlterConfigs, auth.ResourceCluster, auth.ClusterName)
	resp := kmsg.NewPtrAlterClientQuotasResponse()
	resp.Entries = make([]kmsg.AlterClientQuotasResponseEntry, 0, len(in.Entries))
	for i := range in.Entries {
		entry := &in.Entries[i]
		out := kmsg.NewAlterClientQuotasResponseEntry()
		out.Entity = make([]kmsg.AlterClientQuotasResponseEntryEntity, 0, len(entry.Entity))
		for _, p := range entry.Entity {
			out.Entity = append(out.Entity, kmsg.AlterClientQuotasResponseEntryEntity{Type: p.Type, Name: p.Name})
		}
		var err error = kerr.ClusterAuthorizationFailed
		if allowed {
			err = h.alterQuotas(ctx, in.ValidateOnly, entry)
		}
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Entries = append(resp.Entries, out)
	}
	req.Reply(resp)
}

func (h *Handler) alterQuotas(ctx context.Context, validateOnly bool, entry *kmsg.AlterClientQuotasRequestEntry) error {
	parts := make([]controller.QuotaPart, len(entry.Entity))
	for i, p := range entry.Entity {
		parts[i] = controller.QuotaPart{Type: p.Type, Name: p.Name}
	}
	changes := make([]controller.QuotaChange, len(entry.Ops))
	for i, op := range entry.Ops {
		changes[i] = controller.QuotaChange{Key: op.Key, Value: op.Value, Remove: op.Remove}
	}
	entity, refused := controller.QuotaEntity(parts)
	if refused != nil {
		return refused
	}
	return h.change(ctx, 0, func(img *metadata.Image) ([]metadata.Record, error) {
		records, refused := h.Controller.AlterQuotas(img, entity, changes)
		switch {
		case refused != nil:
			return nil, refused
		case validateOnly:
			return nil, nil
		}
		return records, nil
	})
}
