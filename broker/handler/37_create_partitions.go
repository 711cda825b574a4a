package handler

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// createPartitions raises topics' numbers of partitions; one refused doesn't stop the others.
func (h *Handler) createPartitions(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.CreatePartitionsRequest)
	named := make(map[string]int, len(in.Topics))
	for i := range in.Topics {
		named[in.Topics[i].Topic]++
	}
	asked := slices.DeleteFunc(slices.Clone(in.Topics), func(t kmsg.CreatePartitionsRequestTopic) bool { // answered once each
		again := named[t.Topic] < 0
		if named[t.Topic] > 1 {
			named[t.Topic] = -named[t.Topic]
		}
		return again
	})
	errs := h.changeEachInTime(ctx, in.TimeoutMillis, len(asked), func(img *metadata.Image, i int) ([]metadata.Record, error) {
		if named[asked[i].Topic] != 1 {
			return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: "a topic may stand in a request once"}
		}
		records, err := h.morePartitions(req, img, &asked[i])
		if in.ValidateOnly {
			return nil, err
		}
		return records, err
	})
	resp := kmsg.NewPtrCreatePartitionsResponse()
	resp.Topics = make([]kmsg.CreatePartitionsResponseTopic, len(asked))
	for i, err := range errs {
		resp.Topics[i] = kmsg.NewCreatePartitionsResponseTopic()
		resp.Topics[i].Topic = asked[i].Topic
		resp.Topics[i].ErrorCode, resp.Topics[i].ErrorMessage = h.failure(err)
	}
	req.Reply(resp)
}

func (h *Handler) morePartitions(req *wire.Request, img *metadata.Image, asked *kmsg.CreatePartitionsRequestTopic) ([]metadata.Record, error) {
	if !h.may(req, auth.OpAlter, auth.ResourceTopic, asked.Topic) {
		return nil, kerr.TopicAuthorizationFailed
	}
	var assignments [][]int32
	if asked.Assignment != nil {
		assignments = [][]int32{}
	}
	for _, a := range asked.Assignment {
		assignments = append(assignments, a.Replicas)
	}
	records, refused := h.Controller.CreatePartitions(img, asked.Topic, asked.Count, assignments)
	if refused != nil {
		return nil, refused
	}
	if !h.mutates(req, createPartitionsStrict, len(records)) {
		return nil, kerr.ThrottlingQuotaExceeded
	}
	return records, nil
}
