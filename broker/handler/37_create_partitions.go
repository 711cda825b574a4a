package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// createPartitions raises topics' numbers of partitions.
func (h *Handler) createPartitions(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.CreatePartitionsRequest)
	resp := kmsg.NewPtrCreatePartitionsResponse()
	for _, t := range in.Topics {
		out := kmsg.NewCreatePartitionsResponseTopic()
		out.Topic = t.Topic
		var assignments [][]int32
		for _, a := range t.Assignment {
			assignments = append(assignments, a.Replicas)
		}
		err := h.change(ctx, in.TimeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
			records, refused := h.Controller.CreatePartitions(img, t.Topic, t.Count, assignments)
			if refused != nil {
				return nil, refused
			}
			if in.ValidateOnly {
				return nil, nil
			}
			return records, nil
		})
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Topics = append(resp.Topics, out)
	}
	req.Reply(resp)
}
