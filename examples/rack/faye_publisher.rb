require "json"
require "net/http"
require "uri"

# Publishes messages to a Faye server by HTTP. In Rails, keep one as a service object and call it from a job or from
# after_commit, so that a slow network does not hold a database transaction.
class FayePublisher
  Refused = Class.new(StandardError)

  def initialize(url:, secret:)
    @uri = URI(url)
    @secret = secret
  end

  # Returns nil when the server has accepted the message. Raises Refused with the server's error otherwise, and the errors of
  # Net::HTTP if there is no answer.
  def publish(channel, data)
    response = Net::HTTP.start(@uri.host, @uri.port, use_ssl: @uri.scheme == "https", open_timeout: 2, read_timeout: 5) do |http|
      http.post(@uri.path, JSON.generate(channel: channel, data: data),
                "Content-Type" => "application/json", "Authorization" => "Bearer #{@secret}")
    end
    raise Refused, "HTTP #{response.code}: #{response.body}" unless response.code == "200"

    reply = JSON.parse(response.body).first
    raise Refused, reply["error"] unless reply["successful"]
  end
end
