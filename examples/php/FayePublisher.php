<?php

/**
 * Publishes messages to a Faye server by HTTP. In Laravel, bind one as a singleton in a service provider and call it from a
 * queued job.
 */
final class FayePublisher
{
    public function __construct(private string $url, private string $secret)
    {
    }

    /** @throws RuntimeException if there is no answer, or if the server refuses the message */
    public function publish(string $channel, mixed $data): void
    {
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'header' => "Content-Type: application/json\r\nAuthorization: Bearer {$this->secret}\r\n",
            'content' => json_encode(['channel' => $channel, 'data' => $data], JSON_THROW_ON_ERROR),
            'timeout' => 5,
            'ignore_errors' => true,
        ]]);
        $body = @file_get_contents($this->url, false, $context);
        if ($body === false) {
            throw new RuntimeException("no answer from {$this->url}");
        }
        $replies = json_decode($body, true);
        if (!is_array($replies)) {
            throw new RuntimeException("{$http_response_header[0]}: $body");
        }
        if (!($replies[0]['successful'] ?? false)) {
            throw new RuntimeException($replies[0]['error'] ?? 'refused without an error');
        }
    }
}
