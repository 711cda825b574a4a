package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/wire"
)

// deleteGroups forgets groups without members.
func (h *Handler) deleteGroups(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DeleteGroupsRequest)
	resp := kmsg.NewPtrDeleteGroupsResponse()
	resp.Groups = []kmsg.DeleteGroupsResponseGroup{}
	for _, id := range in.Groups {
		answer := make(chan coordinator.Code, 1)
		h.Groups.Delete(id, func(code coordinator.Code) { answer <- code })
		code := coordinator.NotAvailable
		select {
		case code = <-answer:
		case <-ctx.Done():
		}
		out := kmsg.NewDeleteGroupsResponseGroup()
		out.Group, out.ErrorCode = id, int16(code)
		resp.Groups = append(resp.Groups, out)
	}
	req.Reply(resp)
}

// offsetDelete forgets positions of a group.
func (h *Handler) offsetDelete(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.OffsetDeleteRequest)
	img := h.Quorum.Image()
	var doomed []group.TopicOffset
	for _, t := range in.Topics {
		for _, p := range t.Partitions {
			if hasPartition(img.Topic(t.Topic), p.Partition) == coordinator.OK {
				doomed = append(doomed, group.TopicOffset{Topic: t.Topic, Partition: p.Partition})
			}
		}
	}
	h.Groups.DeleteOffsets(in.Group, doomed, func(code coordinator.Code, answers []group.TopicOffset) {
		resp := kmsg.NewPtrOffsetDeleteResponse()
		resp.ErrorCode = int16(code)
		if code != coordinator.OK {
			req.Reply(resp)
			return
		}
		next := 0
		for _, t := range in.Topics {
			out := kmsg.NewOffsetDeleteResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				answer := coordinator.UnknownTopicPartition
				if next < len(answers) && answers[next].Topic == t.Topic && answers[next].Partition == p.Partition {
					answer = answers[next].Code
					next++
				}
				out.Partitions = append(out.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition, ErrorCode: int16(answer)})
			}
			resp.Topics = append(resp.Topics, out)
		}
		req.Reply(resp)
	})
}
