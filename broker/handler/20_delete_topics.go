package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// deleteTopics deletes topics by name or id.
func (h *Handler) deleteTopics(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DeleteTopicsRequest)
	resp := kmsg.NewPtrDeleteTopicsResponse()
	asked := in.Topics
	for _, name := range in.TopicNames {
		asked = append(asked, kmsg.DeleteTopicsRequestTopic{Topic: &name})
	}
	for i := range asked {
		resp.Topics = append(resp.Topics, h.deleteTopic(ctx, in.TimeoutMillis, &asked[i]))
	}
	req.Reply(resp)
}

func (h *Handler) deleteTopic(ctx context.Context, timeoutMillis int32, asked *kmsg.DeleteTopicsRequestTopic) kmsg.DeleteTopicsResponseTopic {
	out := kmsg.NewDeleteTopicsResponseTopic()
	out.Topic, out.TopicID = asked.Topic, asked.TopicID
	err := h.change(ctx, timeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
		id := metadata.UUID(asked.TopicID)
		if asked.Topic != nil {
			t := img.Topic(*asked.Topic)
			if t == nil {
				return nil, kerr.UnknownTopicOrPartition
			}
			id = t.ID
		} else if t := img.TopicByID(id); t != nil {
			out.Topic = &t.Name
		}
		records, refused := h.Controller.DeleteTopic(img, id)
		if refused != nil {
			return nil, refused
		}
		out.TopicID = id
		return records, nil
	})
	out.ErrorCode, out.ErrorMessage = h.failure(err)
	return out
}
