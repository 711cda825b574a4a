package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/wire"
)

// describeClientQuotas answers that there are none.
func (h *Handler) describeClientQuotas(_ context.Context, req *wire.Request) {
	resp := kmsg.NewPtrDescribeClientQuotasResponse()
	resp.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	req.Reply(resp)
}
